// A run of training steps on another device than the CPU (PEER_TEST_DEVICE) beside the same run on the CPU. Needs no pool.
#include <cmath>
#include <cstdio>

#include "peer/device/rounded_gemm.h"
#include "tests/support/bare_training.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr int kSteps = 8;
constexpr std::int64_t kBatch = 2;

struct Run {
  std::vector<double> loss;
  std::vector<std::vector<std::int64_t>> picks;
  std::vector<float> weights;  // of the trained view, at the end
  double flops = 0;
};

enum class Trains { kBase, kView, kViewOfLowRank, kNormedHeads, kViewOnNormedHeads };

model::ModelOptions options_of(Trains trains) {
  model::ModelOptions o = tiny_options();
  if (trains == Trains::kNormedHeads || trains == Trains::kViewOnNormedHeads)
    o.head_width = 6, o.query_key_norm = layers::QueryKeyNorm::kRms, o.attention_bias = layers::AttentionBias::kQkv,
    o.tied_embeddings = true;
  return o;
}

Run train(Device device, Trains trains, Profile* profile = nullptr) {
  Context ctx(device, 1);
  ctx.set_profile(profile);
  model::Model model(options_of(trains), 3, device);
  model.create_experts();
  model::DeltaOptions delta = tiny_delta();
  if (trains == Trains::kViewOfLowRank) delta.vocabulary_rank = 3;
  const int view = trains == Trains::kBase || trains == Trains::kNormedHeads ? 0 : model.add_view(0, delta, "x", true);
  BareTraining training(ctx, model, view, kBatch);
  Run run;
  for (int step = 0; step < kSteps; ++step) {
    training.step(tiny_tokens(kBatch * model.options().context + 1, model.options().vocabulary, static_cast<std::uint64_t>(step / 2)));
    run.loss.push_back(training.loss());
    run.picks.push_back(training.picks());
    CHECK(training.recorded() == (!device.is_cpu() && profile == nullptr && step > 0));
  }
  run.flops = ctx.flops();
  for (const auto& parameter : model.parameters(view))
    run.weights.insert(run.weights.end(), parameter->value().data(), parameter->value().data() + parameter->size());
  model.for_each_block(view, [&](layers::PeerBlock& block, int) {
    for (std::int64_t e = 0; e < block.experts().count(); ++e)
      run.weights.insert(run.weights.end(), block.experts().parameters(e), block.experts().parameters(e) + 2 * block.experts().width());
  });
  return run;
}

double share_of_different_picks(const Run& a, const Run& b) {
  std::int64_t different = 0, all = 0;
  for (std::size_t step = 0; step < a.picks.size(); ++step) {
    REQUIRE(a.picks[step].size() == b.picks[step].size());
    for (std::size_t i = 0; i < a.picks[step].size(); ++i) different += a.picks[step][i] != b.picks[step][i];
    all += static_cast<std::int64_t>(a.picks[step].size());
  }
  return static_cast<double>(different) / static_cast<double>(all);
}

}  // namespace

TEST_CASE("the loss curve on the device is that of the CPU, and so are all but a few of the picks") {
  for (const Trains trains : {Trains::kBase, Trains::kView, Trains::kViewOfLowRank, Trains::kNormedHeads, Trains::kViewOnNormedHeads}) {
    const Run cpu = train({}, trains), device = train(test_device(), trains);
    CHECK(device.loss.back() < device.loss.front() - 0.05);  // it learns
    double largest = 0;
    for (int step = 0; step < kSteps; ++step) largest = std::max(largest, std::abs(cpu.loss[step] - device.loss[step]));
    CHECK(largest < 1e-3);
    // The first step has the same weights: its picks differ where two scores lie within rounding of each other.
    const double share = share_of_different_picks(cpu, device);
    CHECK(share < 0.02);
    std::printf("%s: loss differs by at most %.1e nats, picks by %.3f %%\n",
                trains == Trains::kBase || trains == Trains::kNormedHeads ? "base" : "grown view", largest, 100 * share);
  }
}

TEST_CASE("two runs on the device end in the same bits") {
  for (const Trains trains : {Trains::kView, Trains::kViewOfLowRank, Trains::kNormedHeads})
    CHECK(train(test_device(), trains).weights == train(test_device(), trains).weights);
}

TEST_CASE("steps that are recorded once and started again give the bits and the FLOPs of steps that are given op by op") {
  Profile profile;  // which records nothing
  const Run recorded = train(test_device(), Trains::kView), op_by_op = train(test_device(), Trains::kView, &profile);
  CHECK(recorded.weights == op_by_op.weights);
  CHECK(recorded.loss == op_by_op.loss);
  CHECK(recorded.flops == op_by_op.flops);
}

TEST_CASE("a step is recorded anew when the model has grown or scratch memory has moved") {
  Context ctx(test_device(), 1);
  model::Model model(tiny_options(), 3, test_device());
  model.create_experts();
  BareTraining training(ctx, model, 0, kBatch);
  const auto text = tiny_tokens(kBatch * model.options().context + 1, model.options().vocabulary);
  const bool records = !test_device().is_cpu();
  for (int step = 0; step < 3; ++step) training.step(text);
  CHECK(training.recorded() == records);
  ctx.scratch<char>(0, std::int64_t{1} << 26);
  training.step(text);
  CHECK_FALSE(training.recorded());
  training.step(text);
  CHECK(training.recorded() == records);
  model.for_each_block(0, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
  training.step(text);
  CHECK_FALSE(training.recorded());
}

TEST_CASE("a recorded step in bf16 sees every change of the frozen base whose rounded copies it reads") {
  enum class Copies { kKept, kDroppedAtEveryStep };
  std::vector<double> loss[2];
  for (const Copies copies : {Copies::kKept, Copies::kDroppedAtEveryStep}) {
    Context ctx(test_device(), 1);
    const PrecisionScope scope(ctx, Precision::kBf16);
    model::Model model(tiny_options(), 3, test_device());
    model.create_experts();
    const int view = model.add_view(0, tiny_delta(), "x", true);
    BareTraining training(ctx, model, view, kBatch);
    bool recorded = false;
    for (int step = 0; step < 3 * kSteps; ++step) {
      if (step % kSteps == kSteps - 1) randomise(model, 0, 0.05f, static_cast<std::uint64_t>(step));
      if (copies == Copies::kDroppedAtEveryStep)
        for (auto& parameter : model.base()) parameter->write();
      training.step(tiny_tokens(kBatch * model.options().context + 1, model.options().vocabulary));
      loss[static_cast<int>(copies)].push_back(training.loss());
      recorded = recorded || training.recorded();
    }
    CHECK(recorded == (copies == Copies::kKept && !test_device().is_cpu()));
    CHECK(model.base().find("lm_head.weight")->copy_bytes() > 0);
  }
  CHECK(loss[0] == loss[1]);
}
