// gpu_bench quick|full: a PEER block and a whole model on a CUDA device, against what its memory and its multipliers need at least, which
// are measured in the same run. Exit code 77 where there is no device.
#include <cstdio>
#include <string>
#include <utility>

#include "peer/base/error.h"
#include "peer/device/copy.h"
#include "peer/device/rounded_gemm.h"
#include "peer/model/presets.h"
#include "tests/bench/peer_workbench.h"
#include "tests/bench/stopwatch.h"
#include "tests/support/bare_training.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::bench;

namespace {

// Of the median of `rounds` runs that end when the device is idle; two runs before are not counted.
double seconds_on(Context& ctx, int rounds, const std::function<void()>& run) {
  std::vector<double> seconds;
  for (int round = -2; round < rounds; ++round) {
    const double taken = seconds_of(Clock::kWall, [&] {
      run();
      ctx.wait();
    });
    if (round >= 0) seconds.push_back(taken);
  }
  return median(seconds);
}

struct Rates {
  double bytes, flops;  // a second
};

Rates measure_rates(Context& ctx, std::int64_t floats, std::int64_t side, int rounds) {
  Buffer<float> from(ctx.device(), floats), to(ctx.device(), floats);
  const double copy = seconds_on(ctx, rounds, [&] { queue_copy(ctx, from.view(floats), to.view(floats)); });
  Buffer<float> a(ctx.device(), side * side), b(ctx.device(), side * side), c(ctx.device(), side * side);
  const double product = seconds_on(ctx, rounds, [&] {
    gemm(ctx, std::as_const(a).view(side, side), Transpose::kNo, std::as_const(b).view(side, side), Transpose::kNo, 0.0f,
         c.view(side, side));
  });
  const double n = static_cast<double>(side);
  const Rates rates{2.0 * static_cast<double>(from.bytes()) / copy, 2 * n * n * n / product};
  std::printf("%-16s %-36s %10.1f GB/s\n", "limit.copy", "read and written", 1e-9 * rates.bytes);
  std::printf("%-16s %-36s %10.2f TFLOP/s\n", "limit.gemm", (std::to_string(side) + "^3, fp32").c_str(), 1e-12 * rates.flops);
  return rates;
}

void print(const char* name, const PeerShape& s, double seconds, double floor) {
  char shape[64];
  std::snprintf(shape, sizeof shape, "E=%lld T=%lld D=%lld %s", static_cast<long long>(s.experts()), static_cast<long long>(s.tokens),
                static_cast<long long>(s.width), s.rows == Element::kFloat32 ? "fp32" : "bf16 rows");
  std::printf("%-16s %-36s %10.3f ms, floor %9.3f ms  %5.1f %%\n", name, shape, 1e3 * seconds, 1e3 * floor, 100 * floor / seconds);
}

// The floor: the rows of every pick, the GEMMs of queries and scores; for a step the rows again, x and dy of
// every pick, the touched records read and written, and the GEMMs of the backward.
void peer_block(Context& ctx, const Rates& rates, const PeerShape& s, int rounds) {
  const double pool = static_cast<double>(s.experts() * ops::trainable_record_bytes(s.width, s.rows));
  if (pool > 0.8 * static_cast<double>(memory_bytes(ctx.device()))) {
    std::printf("%-16s %.1f GB of experts do not fit this device: not measured\n", "gpu.step", 1e-9 * pool);
    return;
  }
  PeerWorkbench bench(ctx, s, true);
  const double forward = seconds_on(ctx, rounds, [&] { bench.forward(); });
  const double step = seconds_on(ctx, rounds, [&] { bench.step(); });
  const double vectors = static_cast<double>(s.tokens * s.picks() * 2 * s.width) * sizeof(float);  // x and dy of every pick
  const double rows = static_cast<double>(s.tokens * s.picks() * ops::frozen_record_bytes(s.width, s.rows));
  const double records = 2 * static_cast<double>(static_cast<std::int64_t>(bench.different().size()) *
                                                 (ops::frozen_record_bytes(s.width, s.rows) + 2 * ops::frozen_record_bytes(s.width)));
  const double flops = static_cast<double>(s.tokens) * (s.query_flops() + s.score_flops());
  const double backward_flops = static_cast<double>(s.tokens) * 2 * s.query_flops();
  print(s.tokens < 256 ? "gpu.online.fwd" : "gpu.forward", s, forward, rows / rates.bytes + flops / rates.flops);
  print(s.tokens < 256 ? "gpu.online" : "gpu.step", s, step,
        (2 * rows + vectors + records) / rates.bytes + (flops + backward_flops) / rates.flops);
}

void whole_model(Context& ctx, const char* name, const model::ModelOptions& options, std::int64_t batch, int rounds) {
  model::Model model(options, 1, ctx.device());
  model.create_experts();
  test::BareTraining training(ctx, model, 0, batch, 1e-4f);
  const auto text = test::tiny_tokens(batch * options.context + 1, options.vocabulary);
  const double before = ctx.flops();
  training.step(text);
  const double flops = ctx.flops() - before;
  const double seconds = seconds_on(ctx, rounds, [&] { training.step(text); });
  std::printf("%-16s %-36s %10.1f ktoken/s, %.2f TFLOP/s\n", "gpu.model", name,
              1e-3 * static_cast<double>(batch * options.context) / seconds, 1e-12 * flops / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "quick";
  try {
    Context ctx(parse_device("cuda"));
    if (what == "full") {
      const Rates rates = measure_rates(ctx, std::int64_t{1} << 28, 8192, 9);
      peer_block(ctx, rates, {.side = 1024, .tokens = 65536, .width = 1024, .rows = Element::kBfloat16}, 5);
      peer_block(ctx, rates, {.side = 1024, .tokens = 65536, .width = 1024}, 5);
      peer_block(ctx, rates, {.side = 1024, .tokens = 4096, .width = 256}, 9);
      peer_block(ctx, rates, {.side = 1024, .tokens = 32, .width = 1024, .rows = Element::kBfloat16}, 15);
      peer_block(ctx, rates, {.side = 1024, .tokens = 32, .width = 1024}, 15);
      whole_model(ctx, "tiny", model::preset("tiny").model, 64, 9);
      whole_model(ctx, "small", model::preset("small").model, 32, 5);
      const PrecisionScope scope(ctx, Precision::kBf16);
      whole_model(ctx, "small, maps in bf16", model::preset("small").model, 32, 5);
    } else if (what == "quick") {
      const Rates rates = measure_rates(ctx, std::int64_t{1} << 16, 64, 1);
      for (const Element rows : {Element::kFloat32, Element::kBfloat16})
        peer_block(ctx, rates, {.side = 16, .tokens = 4, .width = 32, .heads = 2, .top_k = 4, .d_key = 16, .rows = rows}, 1);
      whole_model(ctx, "a few thousand numbers", test::tiny_options(), 1, 1);
    } else {
      std::fprintf(stderr, "gpu_bench: expected quick or full, found '%s'\n", what.c_str());
      return 2;
    }
  } catch (const DeviceError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
}
