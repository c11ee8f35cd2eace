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

constexpr std::int64_t kBefore = 64, kTokens = 64;

// A model with random weights that writes kTokens one after another behind kBefore.
class Writer {
 public:
  Writer(Context& ctx, const std::string& preset) : ctx_(ctx), model_(model::preset(preset).model, 1) {
    model_.for_each_block(0, [&](layers::PeerBlock& block, int) { fill_experts(block, model_.options()); });
  }
  model::Model& model() { return model_; }
  // Seconds for the tokens, after the text before them was read.
  double write(Profile* profile) {
    model::ReadText text = model_.unread(1, kBefore + kTokens);
    model_.read_on(ctx_, {tokens_.data(), kBefore}, prompt_, text);
    ctx_.set_profile(profile);
    const double seconds = seconds_of(Clock::kWall, [&] {
      for (std::int64_t t = 0; t < kTokens; ++t) model_.read_on(ctx_, {tokens_.data(), 1}, next_, text);
    });
    ctx_.set_profile(nullptr);
    return seconds;
  }

 private:
  Context& ctx_;
  model::Model model_;
  model::Activations prompt_{model_, 0, 1, kBefore, false}, next_{model_, 0, 1, 1, false};
  std::vector<std::int32_t> tokens_ = std::vector<std::int32_t>(kBefore, 'e');
};

}  // namespace

void generation(Report& report, const std::string& preset, Precision precision, int threads, int rounds, Goal goal) {
  Context ctx(Device{}, threads);
  const PrecisionScope scope(ctx, precision);
  Writer writer(ctx, preset);
  std::vector<double> measured, limits, percent;
  for (int round = -1; round < rounds; ++round) {
    const double seconds = writer.write(nullptr) / kTokens;
    const double limit = bytes_of_token(writer.model(), kBefore + kTokens / 2, precision) / measure_roofline(ctx, Precision::kFp32).bytes;
    if (round < 0) continue;
    measured.push_back(1e3 * seconds), limits.push_back(1e3 * limit), percent.push_back(100 * limit / seconds);
  }
  report.print({"model.generate", fmt::format("{} {}, {} thread{}", preset, to_text(precision), threads, threads == 1 ? "" : "s"),
                "ms/token", median(measured), median(limits), median(percent), goal});
}

void token_profile(const std::string& preset, Precision precision) {
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, precision);
  Writer writer(ctx, preset);
  writer.write(nullptr);
  Profile profile;
  const double seconds = writer.write(&profile);
  fmt::print("profile of a token, {} {}, 1 thread (us)\n", preset, to_text(precision));
  print_profile(profile, kTokens, 1, seconds);
}

}  // namespace peer::bench
