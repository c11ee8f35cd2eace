#include "trainer/strategy.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {

constexpr std::int64_t kReservoirBytes = std::int64_t{1} << 20;

StageOptions in_place() {
  StageOptions stage;
  stage.grows = Growth::kNone;
  stage.predicts = Prediction::kHead;
  return stage;
}

StageOptions penalised(Penalty penalty, double weight) {
  StageOptions stage = in_place();
  stage.penalty = penalty;
  stage.penalty_weight = weight;
  return stage;
}

StageOptions replayed(double share) {
  StageOptions stage = in_place();
  stage.replay = share;
  stage.reservoir = kReservoirBytes;
  return stage;
}

StageOptions parts_of(Strategy strategy) {
  StageOptions stage = in_place();
  switch (strategy) {
    case Strategy::kGrow:
      return {};
    case Strategy::kLora:
      stage.grows = Growth::kAdapters;
      return stage;
    case Strategy::kNaive:
      return stage;
    case Strategy::kReplay:
      return replayed(0.25);
    case Strategy::kJoint:
      return replayed(1);
    case Strategy::kL2sp:
      return penalised(Penalty::kL2sp, 0.01);
    case Strategy::kEwc:
      return penalised(Penalty::kEwc, 0.01);
    case Strategy::kOnlineEwc:
      return penalised(Penalty::kOnlineEwc, 0.01);
    case Strategy::kSi:
      return penalised(Penalty::kSi, 0.01);
    case Strategy::kMas:
      return penalised(Penalty::kMas, 0.01);
    case Strategy::kLwf:
      stage.distill = 1;
      return stage;
    case Strategy::kInterpolate:
      stage.keep = 0.5;
      return stage;
  }
  return stage;
}

void expect(bool held, std::string_view option, std::string_view what) {
  if (!held) throw UsageError(fmt::format("option '{}': expected {}", option, what));
}

}  // namespace

WantedExperts wanted_experts(const std::string& text) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  if (text == "preset") return {};
  if (text == "auto") return {.by_novelty = true};
  WantedExperts wanted;
  const std::string what = fmt::format("auto, preset or a number from 1 to {}, found '{}'", kMost, text);
  try {
    parse_text("experts", text, wanted.count);
  } catch (const UsageError&) {
    expect(false, "experts", what);
  }
  expect(wanted.count >= 1 && wanted.count <= kMost, "experts", what);
  return wanted;
}

StageOptions composed(Strategy strategy) {
  StageOptions stage = parts_of(strategy);
  stage.strategy = strategy;
  return stage;
}

void check(const StageOptions& stage) {
  wanted_experts(stage.experts);
  const bool in_place = stage.grows == Growth::kNone;
  expect(in_place || stage.penalty == Penalty::kNone, "penalty", "none beside growth, which freezes all old weights; or --grows none");
  expect(in_place || stage.keep == 0, "keep", "0 beside growth, which freezes all old weights; or --grows none");
  expect(!in_place || stage.predicts == Prediction::kHead, "predicts",
         "head when weights change in place: no older view is left as it was");
  expect(stage.penalty_weight >= 0, "penalty-weight", "0 or more");
  expect(stage.penalty_decay >= 0 && stage.penalty_decay <= 1, "penalty-decay", "a share from 0 to 1");
  expect(stage.penalty_samples > 0, "penalty-samples", "1 or more");
  expect(stage.distill >= 0, "distill", "0 or more");
  expect(stage.temperature > 0, "distill-temperature", "more than 0");
  expect(stage.replay >= 0 && stage.replay <= 1, "replay", "a share from 0 to 1");
  expect(stage.reservoir >= 0, "reservoir", "0 or more");
  expect(stage.keep >= 0 && stage.keep <= 1, "keep", "a share from 0 to 1");
}

}  // namespace peer::trainer
