// What a stage is composed of: what grows, what is penalised, what is replayed, what is kept. A strategy is a name for one composition;
// every part of it can be set alone.
#pragma once

#include <cstdint>
#include <string>

#include "peer/base/options.h"

namespace peer::trainer {

enum class Strategy { kGrow, kLora, kNaive, kReplay, kJoint, kL2sp, kEwc, kOnlineEwc, kSi, kMas, kLwf, kInterpolate };
enum class Growth { kAnnex, kAdapters, kNone };
enum class Penalty { kNone, kL2sp, kEwc, kOnlineEwc, kSi, kMas };
enum class Prediction { kMixture, kHead };
enum class Reference { kNone, kNaive };

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::Strategy> {
  using enum trainer::Strategy;
  static constexpr std::pair<trainer::Strategy, std::string_view> values[] = {
      {kGrow, "grow"},   {kLora, "lora"}, {kNaive, "naive"}, {kReplay, "replay"},
      {kJoint, "joint"}, {kL2sp, "l2sp"}, {kEwc, "ewc"},     {kOnlineEwc, "online-ewc"},
      {kSi, "si"},       {kMas, "mas"},   {kLwf, "lwf"},     {kInterpolate, "interpolate"}};
};
template <>
struct EnumNames<trainer::Growth> {
  using enum trainer::Growth;
  static constexpr std::pair<trainer::Growth, std::string_view> values[] = {{kAnnex, "annex"}, {kAdapters, "adapters"}, {kNone, "none"}};
};
template <>
struct EnumNames<trainer::Penalty> {
  using enum trainer::Penalty;
  static constexpr std::pair<trainer::Penalty, std::string_view> values[] = {
      {kNone, "none"}, {kL2sp, "l2sp"}, {kEwc, "ewc"}, {kOnlineEwc, "online-ewc"}, {kSi, "si"}, {kMas, "mas"}};
};
template <>
struct EnumNames<trainer::Prediction> {
  using enum trainer::Prediction;
  static constexpr std::pair<trainer::Prediction, std::string_view> values[] = {{kMixture, "mixture"}, {kHead, "head"}};
};
template <>
struct EnumNames<trainer::Reference> {
  using enum trainer::Reference;
  static constexpr std::pair<trainer::Reference, std::string_view> values[] = {{kNone, "none"}, {kNaive, "naive"}};
};
}  // namespace peer

namespace peer::trainer {

struct StageOptions {
  std::string domain = {};
  Strategy strategy = Strategy::kGrow;
  Growth grows = Growth::kAnnex;
  std::string experts = "preset";
  std::string parent = "auto";
  Prediction predicts = Prediction::kMixture;
  Penalty penalty = Penalty::kNone;
  double penalty_weight = 1;
  double penalty_decay = 1;
  std::int64_t penalty_samples = 64;
  double distill = 0;
  double temperature = 2;
  double replay = 0;
  std::int64_t reservoir = 0;
  double keep = 0;
  double max_forgetting = -1;
  Reference reference = Reference::kNone;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.domain, OptionInfo{"domain", "name of the domain that the text belongs to", "NAME"});
    visit(self.strategy,
          OptionInfo{"strategy", "a composition of the options below, each of which can be set beside it (docs/continual.md)"});
    visit(self.grows, OptionInfo{"grows",
                                 "annex: experts, adapters and deltas of its own, the rest is frozen; adapters: the same without experts "
                                 "and dense block; none: everything is trained in place"});
    visit(self.experts,
          OptionInfo{"experts",
                     "experts that the stage adds, over all layers: a number, preset, or auto: as many as a short probe finds "
                     "worth it, and none when the text is known",
                     "N|preset|auto"});
    visit(self.parent,
          OptionInfo{"parent-view", "the view that the stage grows on; auto: the one that predicts a sample of the new text best"});
    visit(self.predicts, OptionInfo{"predicts", "who answers from now on: the mixture over all views, or the head view alone"});
    visit(self.penalty, OptionInfo{"penalty", "what pulls old weights back, each by how much it mattered; only with --grows none"});
    visit(self.penalty_weight, OptionInfo{"penalty-weight", "of the penalty, whose importances have a mean of 1"});
    visit(self.penalty_decay, OptionInfo{"penalty-decay", "what the importances of the stages before keep at each stage; 1: a sum"});
    visit(self.penalty_samples, OptionInfo{"penalty-samples", "windows on which ewc and mas measure importances after a stage", "windows"});
    visit(self.distill, OptionInfo{"distill", "weight of the divergence from the model as it was before the stage (LwF); 0: none"});
    visit(self.temperature, OptionInfo{"distill-temperature", "softens both sides of that divergence"});
    visit(self.replay,
          OptionInfo{"replay",
                     "share of every batch's windows that comes from the reservoirs of older domains; 1: as much for each domain "
                     "as for the new one"});
    visit(self.reservoir, OptionInfo{"reservoir", "training text of this domain that stays in the pool to be replayed; 0: none", "bytes"});
    visit(self.keep, OptionInfo{"keep", "at the end, weights = keep * before + (1 - keep) * after (WiSE-FT)"});
    visit(self.max_forgetting, OptionInfo{"max-forgetting",
                                          "commit only when no older domain is worse by more than this than it ever was; else exit 3, head "
                                          "stays, and the ref 'refused' names the result; below 0: no limit",
                                          "bits a byte"});
    visit(self.reference, OptionInfo{"reference", "naive: also train a throw-away copy naively for as many steps, to measure plasticity"});
  }
};

// `text` as --experts takes it. UsageError unless it is auto, preset or a number from 1 to 2^30.
struct WantedExperts {
  bool by_novelty = false;
  std::int64_t count = 0;  // 0: the preset's
};
WantedExperts wanted_experts(const std::string& text);

// The composition that a strategy names.
StageOptions composed(Strategy strategy);

// UsageError with the rule that does not hold, e.g. a penalty on weights that are frozen.
void check(const StageOptions& options);

}  // namespace peer::trainer
