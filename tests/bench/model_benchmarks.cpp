#include "tests/bench/model_benchmarks.h"

#include <fmt/format.h>

#include "peer/device/roofline.h"
#include "peer/device/rounded_gemm.h"
#include "peer/layers/initialise.h"
#include "peer/model/model.h"
#include "peer/model/presets.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {
namespace {

// Rows start at random places of one stretch of random numbers: drawing every number of a million experts takes a minute.
void fill_experts(layers::PeerBlock& block, const model::ModelOptions& options) {
  const std::int64_t experts = block.side() * block.side(), floats = 2 * options.width;
  Buffer<float> numbers(64 * floats);
  layers::initialise_normal(numbers.data(), numbers.size(), 0.05, 1, "experts");
  block.experts().append(experts, false);
  block.experts().fill_parameters(0, experts,
                                  [&](std::int64_t e, float* row) { std::copy_n(numbers.data() + e * 7919 % (63 * floats), floats, row); });
}

// What a token reads behind `before` others.
double bytes_of_token(model::Model& model, std::int64_t before, Precision precision) {
  const model::ModelOptions& o = model.options();
  std::int64_t maps = -o.vocabulary * o.width;  // of the embedding a row
  for (const auto& parameter : model.base())
    if (parameter->shape.size() == 2) maps += parameter->size();
  const std::int64_t others = model.base().count() - maps - o.vocabulary * o.width;
  const std::int64_t picked = o.peer.heads * o.peer.top_k * 2 * o.width, cached = 2 * before * o.kv_heads * (o.width / o.heads);
  const auto peer_layers = static_cast<std::int64_t>(o.peer_layers.size());
  const double bytes_of_map = precision == Precision::kBf16 ? sizeof(Bfloat16) : sizeof(float);
  return bytes_of_map * static_cast<double>(maps) +
         sizeof(float) * static_cast<double>(others + o.width + peer_layers * picked + o.layers * cached);
}

}  // namespace

void generation(Report& report, const std::string& preset, Precision precision, int threads, int rounds, Goal goal) {
  constexpr std::int64_t kBefore = 64, kTokens = 64;
  Context ctx(Device{}, threads);
  const PrecisionScope scope(ctx, precision);
  model::Model model(model::preset(preset).model, 1);
  model.for_each_block(0, [&](layers::PeerBlock& block, int) { fill_experts(block, model.options()); });
  model::Activations prompt(model, 0, 1, kBefore, false), next(model, 0, 1, 1, false);
  std::vector<std::int32_t> tokens(kBefore, 'e');
  const auto write = [&](model::ReadText& text) {
    for (std::int64_t t = 0; t < kTokens; ++t) model.read_on(ctx, {tokens.data(), 1}, next, text);
  };
  std::vector<double> measured, limits, percent;
  for (int round = -1; round < rounds; ++round) {
    model::ReadText text = model.unread(1, kBefore + kTokens);
    model.read_on(ctx, {tokens.data(), kBefore}, prompt, text);
    const double seconds = seconds_of(Clock::kWall, [&] { write(text); }) / kTokens;
    const double limit = bytes_of_token(model, kBefore + kTokens / 2, precision) / measure_roofline(ctx, Precision::kFp32).bytes;
    if (round < 0) continue;
    measured.push_back(1e3 * seconds), limits.push_back(1e3 * limit), percent.push_back(100 * limit / seconds);
  }
  report.print({"model.generate", fmt::format("{} {}, {} thread{}", preset, to_text(precision), threads, threads == 1 ? "" : "s"),
                "ms/token", median(measured), median(limits), median(percent), goal});
}

}  // namespace peer::bench
