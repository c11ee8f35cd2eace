// gpu_bench quick|full: a PEER block and a whole model on a CUDA device, against what its memory and its multipliers need at least, which
// are measured in the same run. Exit code 77 where there is no device.
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "peer/base/error.h"
#include "peer/base/normal.h"
#include "peer/device/copy.h"
#include "peer/device/residence.h"
#include "peer/device/rounded_gemm.h"
#include "peer/model/presets.h"
#include "tests/bench/peer_workbench.h"
#include "tests/bench/stopwatch.h"
#include "tests/support/bare_training.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::bench;

namespace {

// Of the median of `rounds` runs that end when the device is idle; three runs before, of which a step records itself in the second, are not
// counted.
double seconds_on(Context& ctx, int rounds, const std::function<void()>& run) {
  std::vector<double> seconds;
  for (int round = -3; round < rounds; ++round) {
    const double taken = seconds_of(Clock::kWall, [&] {
      run();
      ctx.wait();
    });
    if (round >= 0) seconds.push_back(taken);
  }
  return median(seconds);
}

struct Rates {
  double bytes, flops, bf16_flops;  // a second
};

Rates measure_rates(Context& ctx, std::int64_t floats, std::int64_t side, int rounds) {
  Buffer<float> from(ctx.device(), floats), to(ctx.device(), floats);
  const double copy = seconds_on(ctx, rounds, [&] { queue_copy(ctx, from.view(floats), to.view(floats)); });
  Buffer<float> a(ctx.device(), side * side), b(ctx.device(), side * side), c(ctx.device(), side * side);
  for (Buffer<float>* x : {&a, &b}) fill_normal(Random(side, Purpose::kTest), 0, x->size(), 1.0, x->data());  // zeros switch fewer gates
  const double n = static_cast<double>(side);
  const auto product = [&](Precision precision) {
    const PrecisionScope scope(ctx, precision);
    return 2 * n * n * n / seconds_on(ctx, rounds, [&] {
             rounded_gemm(ctx, std::as_const(a).view(side, side), Transpose::kNo, std::as_const(b).view(side, side), Transpose::kNo, 0.0f,
                          c.view(side, side));
           });
  };
  const Rates rates{2.0 * static_cast<double>(from.bytes()) / copy, product(Precision::kFp32), product(Precision::kBf16)};
  std::printf("%-16s %-36s %10.1f GB/s\n", "limit.copy", "read and written", 1e-9 * rates.bytes);
  std::printf("%-16s %-36s %10.2f TFLOP/s\n", "limit.gemm", (std::to_string(side) + "^3, fp32").c_str(), 1e-12 * rates.flops);
  std::printf("%-16s %-36s %10.2f TFLOP/s\n", "limit.gemm", (std::to_string(side) + "^3, rounded to bf16").c_str(),
              1e-12 * rates.bf16_flops);
  return rates;
}

std::string text_of(const PeerShape& s, Precision precision) {
  char shape[80];
  std::snprintf(shape, sizeof shape, "E=%lld T=%lld D=%lld %s%s", static_cast<long long>(s.experts()), static_cast<long long>(s.tokens),
                static_cast<long long>(s.width), s.rows == Element::kFloat32 ? "fp32" : "bf16 rows",
                precision == Precision::kBf16 ? ", bf16" : "");
  return shape;
}

void print(const char* name, const std::string& shape, double seconds, double floor) {
  std::printf("%-16s %-36s %10.3f ms, floor %9.3f ms  %5.1f %%\n", name, shape.c_str(), 1e3 * seconds, 1e3 * floor, 100 * floor / seconds);
}

// The floors: of the forward the rows of every pick and the GEMMs of queries and scores; of the backward the rows again, x and dy of every
// pick, the touched records read and written, and two GEMMs for the queries' one.
struct Floor {
  double forward, backward;  // seconds
};

Floor floor_of(const Rates& rates, const PeerWorkbench& bench, Precision precision) {
  const PeerShape& s = bench.shape();
  const auto tokens = static_cast<double>(s.tokens), picks = static_cast<double>(s.tokens * s.picks());
  const bool bf16 = precision == Precision::kBf16;
  const double rows = picks * static_cast<double>(ops::frozen_record_bytes(s.width, s.rows));
  const double vectors = picks * static_cast<double>(2 * s.width) * (bf16 ? 2 : 4);
  const double records = 2 * static_cast<double>(static_cast<std::int64_t>(bench.different().size()) *
                                                 (ops::frozen_record_bytes(s.width, s.rows) + 2 * ops::frozen_record_bytes(s.width)));
  const double map_rate = bf16 ? rates.bf16_flops : rates.flops, score_rate = bf16 ? rates.bf16_flops / 3 : rates.flops;
  return {rows / rates.bytes + tokens * (s.query_flops() / map_rate + s.score_flops() / score_rate),
          (rows + vectors + records) / rates.bytes + tokens * 2 * s.query_flops() / map_rate};
}

struct Passes {
  double forward, both;  // seconds; both: with the backward and the router's update
};

Passes passes_of(Context& ctx, PeerWorkbench& bench, int rounds) {
  bench.record_anew();
  return {seconds_on(ctx, rounds, [&] { bench.forward(); }), seconds_on(ctx, rounds, [&] { bench.step(); })};
}

// The passes while every second page is frozen in the machine's memory, which is what a pool of twice the device's memory would cost: with
// every picked row read there each time, and with a copy of each. Leaves the experts frozen.
void half_on_host(Context& ctx, PeerWorkbench& bench, const std::string& shape, int rounds) {
  layers::ExpertTable& experts = bench.block().experts();
  layers::ExpertStaging& staging = bench.block().staging();
  experts.set_trainable(false);  // what is trained has no copies
  const Passes on_device = passes_of(ctx, bench, rounds);
  for (std::int64_t p = 0; p < experts.page_count(); p += 2) {
    set_residence(ctx, experts.page_data(p), experts.page_bytes(p), Residence::kHost);
    ctx.wait();
    experts.set_on_host(p, true);
  }
  const auto bytes_on_host = [&](View<const std::int64_t, 1> id) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < id.size(); ++i) count += experts.page(id[i] / experts.rows_per_page()).on_host;
    return static_cast<double>(count * experts.rows().parameter_bytes());
  };
  const std::vector<std::int64_t> different = bench.different();
  const auto different_count = static_cast<std::int64_t>(different.size());
  for (const std::int64_t slots : {std::int64_t{0}, different_count}) {
    staging.reserve(ctx.device(), experts.rows(), slots);
    const Passes passes = passes_of(ctx, bench, rounds);
    const double bytes = slots == 0 ? 2 * bytes_on_host(bench.picked()) : bytes_on_host({different.data(), different_count});
    std::printf("%-16s %-36s %10.3f ms, %.1f times as long; with backward %.3f ms, %.1f times, %.1f GB/s over the bus\n",
                slots == 0 ? "gpu.half.on.host" : "gpu.half.staged", shape.c_str(), 1e3 * passes.forward,
                passes.forward / on_device.forward, 1e3 * passes.both, passes.both / on_device.both, 1e-9 * bytes / passes.both);
  }
}

void peer_block(Context& ctx, const Rates& rates, const PeerShape& s, Precision precision, int rounds) {
  const PrecisionScope scope(ctx, precision);
  const std::string shape = text_of(s, precision);
  const double pool = static_cast<double>(s.experts() * ops::trainable_record_bytes(s.width, s.rows));
  if (pool > 0.8 * static_cast<double>(memory_bytes(ctx.device()) - device_bytes_in_use(ctx.device()))) {
    std::printf("%-16s %.1f GB of experts do not fit this device: not measured\n", "gpu.step", 1e-9 * pool);
    return;
  }
  const std::int64_t before = device_bytes_in_use(ctx.device());
  PeerWorkbench bench(ctx, s, true);
  const double forward = seconds_on(ctx, rounds, [&] { bench.forward(); });
  const double step = seconds_on(ctx, rounds, [&] { bench.step(); });
  const Floor floor = floor_of(rates, bench, precision);
  const bool online = s.tokens < 256;
  print(online ? "gpu.online.fwd" : "gpu.forward", shape, forward, floor.forward);
  print(online ? "gpu.online.bwd" : "gpu.backward", shape, step - forward, floor.backward);
  print(online ? "gpu.online" : "gpu.step", shape, step, floor.forward + floor.backward);
  if (online) {
    std::printf("%-16s %-36s %10.1f us, the target is %.1f us\n", "gpu.online", shape.c_str(), 1e6 * step,
                2e6 * (floor.forward + floor.backward) + 20);
    return;
  }
  const auto taken = static_cast<double>(device_bytes_in_use(ctx.device()) - before);
  std::printf("%-16s %-36s %10.2f GB, %.3f of the pool, %.1f KB a token beside it\n", "gpu.memory", shape.c_str(), 1e-9 * taken,
              taken / pool, 1e-3 * (taken - pool) / static_cast<double>(s.tokens));
  half_on_host(ctx, bench, shape, rounds);
}

// A grid of twice the side: new pages beside the old ones, and one step with them.
void growth(Context& ctx, const PeerShape& s, int rounds) {
  PeerWorkbench bench(ctx, s, true);
  const double step = seconds_on(ctx, rounds, [&] { bench.step(); });
  const double seconds = seconds_of(Clock::kWall, [&] {
    bench.extend(2 * s.side);
    bench.open_all();
    ctx.wait();
  });
  std::printf("%-16s %-36s %10.1f ms, %.1f steps\n", "gpu.growth", (text_of(s, Precision::kFp32) + " x 4").c_str(), 1e3 * seconds,
              seconds / step);
}

void whole_model(Context& ctx, const Rates& rates, const char* name, const model::ModelOptions& options, std::int64_t batch,
                 Precision precision, int rounds) {
  const PrecisionScope scope(ctx, precision);
  model::Model model(options, 1, ctx.device());
  model.create_experts();
  test::BareTraining training(ctx, model, 0, batch, 1e-4f);
  const auto text = test::tiny_tokens(batch * options.context + 1, options.vocabulary);
  const double before = ctx.flops();
  training.step(text);
  const double flops = ctx.flops() - before;
  const double seconds = seconds_on(ctx, rounds, [&] { training.step(text); });
  const double peak = precision == Precision::kBf16 ? rates.bf16_flops : rates.flops;
  std::printf("%-16s %-36s %10.1f ktoken/s, %.2f TFLOP/s, %.1f %% of the GEMM's\n", "gpu.model",
              (std::string(name) + (precision == Precision::kBf16 ? ", bf16" : ", fp32")).c_str(),
              1e-3 * static_cast<double>(batch * options.context) / seconds, 1e-12 * flops / seconds, 100 * flops / seconds / peak);
}

// About a thousand million active parameters.
model::ModelOptions large_shape() {
  model::ModelOptions o = model::preset("base").model;
  o.width = 2048, o.layers = 20, o.heads = 16, o.kv_heads = 4, o.feed_forward = 6144;
  o.peer_side = 512;
  return o;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "quick";
  try {
    Context ctx(parse_device("cuda"));
    if (what == "full") {
      const Rates rates = measure_rates(ctx, std::int64_t{1} << 28, 8192, 9);
      const PeerShape large{.side = 1024, .tokens = 65536, .width = 1024, .rows = Element::kBfloat16};
      const PeerShape online{.side = 1024, .tokens = 32, .width = 1024, .rows = Element::kBfloat16};
      peer_block(ctx, rates, large, Precision::kBf16, 5);
      peer_block(ctx, rates, online, Precision::kBf16, 15);
      peer_block(ctx, rates, {.side = 1024, .tokens = 65536, .width = 1024}, Precision::kFp32, 3);
      peer_block(ctx, rates, {.side = 1024, .tokens = 4096, .width = 256}, Precision::kFp32, 9);
      growth(ctx, {.side = 512, .tokens = 4096, .width = 1024}, 5);
      for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
        whole_model(ctx, rates, "tiny", model::preset("tiny").model, 64, precision, 9);
        whole_model(ctx, rates, "base, 100M", model::preset("base").model, 16, precision, 5);
      }
      whole_model(ctx, rates, "1B", large_shape(), 8, Precision::kBf16, 5);
    } else if (what == "quick") {
      const Rates rates = measure_rates(ctx, std::int64_t{1} << 16, 64, 1);
      const PeerShape tiny{.side = 16, .tokens = 4, .width = 32, .heads = 2, .top_k = 4, .d_key = 16};
      for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
        PeerShape shape = tiny;
        shape.rows = precision == Precision::kBf16 ? Element::kBfloat16 : Element::kFloat32;
        peer_block(ctx, rates, shape, precision, 1);
        shape.tokens = 256;
        peer_block(ctx, rates, shape, precision, 1);
        whole_model(ctx, rates, "a few thousand numbers", test::tiny_options(), 1, precision, 1);
      }
      growth(ctx, tiny, 1);
    } else {
      std::fprintf(stderr, "gpu_bench: expected quick or full, found '%s'\n", what.c_str());
      return 2;
    }
  } catch (const DeviceError& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
}
