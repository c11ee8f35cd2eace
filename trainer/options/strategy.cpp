#include "trainer/options/strategy.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {

constexpr std::int64_t kReservoirBytes = std::int64_t{1} << 20, kSelfTextBytes = std::int64_t{1} << 17;

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

StageOptions grown(Growth growth) {
  StageOptions stage;
  stage.grows = growth;
  stage.predicts = Prediction::kHead;
  stage.parent = "newest";  // who predicts with one view goes on from what it has learnt so far
  return stage;
}

StageOptions experts_alone(std::int64_t rows) {
  StageOptions stage = in_place();
  stage.trains = Trains::kExperts;
  stage.rows = rows;
  return stage;
}

StageOptions parts_of(Strategy strategy) {
  StageOptions stage = in_place();
  switch (strategy) {
    case Strategy::kGrow:
      return {};
    case Strategy::kExtend:
      return grown(Growth::kExtend);
    case Strategy::kLora:
      return grown(Growth::kAdapters);
    case Strategy::kOlora:
      stage = grown(Growth::kAdapters);
      stage.trains = Trains::kAdapters;
      stage.orthogonal = 0.5;
      return stage;
    case Strategy::kNaive:
      return stage;
    case Strategy::kReplay:
      return replayed(0.25);
    case Strategy::kSelfReplay:
      stage.replay = 0.25, stage.self_text = kSelfTextBytes;
      return stage;
    case Strategy::kJoint:
      return replayed(1);
    case Strategy::kAgem:
      stage = replayed(0);
      stage.project = true;
      return stage;
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
    case Strategy::kSmf:
      return experts_alone(500);
    case Strategy::kInterpolate:
      stage.keep = 0.5;
      return stage;
    case Strategy::kEma:
      stage.average = 0.99;
      return stage;
    case Strategy::kGrowUnfrozen:
      stage = grown(Growth::kAnnex);
      stage.trains = Trains::kAll;
      return stage;
    case Strategy::kFrozenTrunk:
      return experts_alone(0);
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

namespace {

void check_growth(const GrowthOptions& growth) {
  const WantedExperts wanted = wanted_experts(growth.experts);
  const Trains trains = what_trains(growth);
  expect(!wanted.by_novelty || growth.grows != Growth::kExtend, "experts", "preset or a number beside --grows extend: no probe tries that");
  expect(!wanted.by_novelty || growth.grows != Growth::kAdapters, "experts",
         "preset beside --grows adapters: they have no experts to count");
  expect(trains != Trains::kGrown || growth.grows != Growth::kNone, "trains", "all or experts beside --grows none: nothing is grown");
  expect(trains != Trains::kAdapters || growth.grows == Growth::kAdapters, "trains", "adapters only beside --grows adapters");
  expect(trains != Trains::kExperts || growth.grows == Growth::kNone, "trains", "experts only beside --grows none");
  expect(growth.predicts == Prediction::kHead || (grows_view(growth) && trains != Trains::kAll), "predicts",
         "head when old weights change: no older view is left as it was");
}

void check_penalty(const PenaltyOptions& penalty) {
  expect(penalty.penalty_weight >= 0, "penalty-weight", "0 or more");
  expect(penalty.penalty_decay >= 0 && penalty.penalty_decay <= 1, "penalty-decay", "a share from 0 to 1");
  expect(penalty.penalty_samples > 0, "penalty-samples", "1 or more");
  expect(penalty.orthogonal >= 0, "orthogonal", "0 or more");
  expect(penalty.distill >= 0, "distill", "0 or more");
  expect(penalty.temperature > 0, "distill-temperature", "more than 0");
}

void check_replay(const ReplayOptions& replay) {
  expect(replay.replay >= 0 && replay.replay <= 1, "replay", "a share from 0 to 1");
  expect(replay.reservoir >= 0, "reservoir", "0 or more");
  expect(replay.self_text >= 0, "self-text", "0 or more");
  expect(replay.self_text == 0 || replay.replay > 0, "self-text", "0 unless something is replayed: --replay SHARE");
}

void check_rows(const RowOptions& rows) {
  expect(rows.rows >= 0, "rows", "0 or more");
  expect(rows.rows_rate >= 0, "rows-rate", "0 or more");
  expect(rows.rows_background > 0, "rows-background", "1 or more");
}

}  // namespace

void check(const StageOptions& stage) {
  check_growth(stage);
  check_penalty(stage);
  check_replay(stage);
  check_rows(stage);
  const bool old_views_stay = grows_view(stage);
  expect(!old_views_stay || stage.penalty == Penalty::kNone, "penalty", "none beside --grows annex or adapters");
  expect(stage.grows == Growth::kNone || stage.keep == 0, "keep", "0 beside growth; or --grows none");
  expect(old_views_stay || stage.orthogonal == 0, "orthogonal", "0 unless the stage grows adapters: --grows adapters or annex");
  expect(stage.rows == 0 || what_trains(stage) == Trains::kExperts, "rows", "0 unless --trains experts");
  expect(stage.rows == 0 || !stage.project, "project", "false beside --rows, which chooses rows by its own batch");
  expect(stage.penalty != Penalty::kSi || !stage.project, "project",
         "false beside --penalty si, which follows the gradient of the loss alone");
  expect(stage.keep >= 0 && stage.keep <= 1, "keep", "a share from 0 to 1");
  expect(stage.average >= 0 && stage.average < 1, "average", "a decay in [0, 1)");
}

}  // namespace peer::trainer
