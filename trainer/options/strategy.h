// What a stage is composed of: what grows and what may change, what is penalised, what is replayed, what is averaged. A strategy is a name
// for one composition; every part of it can be set alone.
#pragma once

#include <cstdint>
#include <string>

#include "peer/base/options.h"
#include "trainer/options/growth_options.h"
#include "trainer/options/penalty_options.h"
#include "trainer/options/replay_options.h"
#include "trainer/options/row_options.h"

namespace peer::trainer {

enum class Strategy {
  kGrow,
  kExtend,
  kLora,
  kOlora,
  kNaive,
  kReplay,
  kSelfReplay,
  kJoint,
  kAgem,
  kL2sp,
  kEwc,
  kOnlineEwc,
  kSi,
  kMas,
  kLwf,
  kSmf,
  kInterpolate,
  kEma,
  kGrowUnfrozen,
  kFrozenTrunk
};
enum class Reference { kNone, kNaive };

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::Strategy> {
  using enum trainer::Strategy;
  static constexpr std::pair<trainer::Strategy, std::string_view> values[] = {{kGrow, "grow"},
                                                                              {kExtend, "extend"},
                                                                              {kLora, "lora"},
                                                                              {kOlora, "olora"},
                                                                              {kNaive, "naive"},
                                                                              {kReplay, "replay"},
                                                                              {kSelfReplay, "self-replay"},
                                                                              {kJoint, "joint"},
                                                                              {kAgem, "agem"},
                                                                              {kL2sp, "l2sp"},
                                                                              {kEwc, "ewc"},
                                                                              {kOnlineEwc, "online-ewc"},
                                                                              {kSi, "si"},
                                                                              {kMas, "mas"},
                                                                              {kLwf, "lwf"},
                                                                              {kSmf, "smf"},
                                                                              {kInterpolate, "interpolate"},
                                                                              {kEma, "ema"},
                                                                              {kGrowUnfrozen, "grow-unfrozen"},
                                                                              {kFrozenTrunk, "frozen-trunk"}};
};
template <>
struct EnumNames<trainer::Reference> {
  using enum trainer::Reference;
  static constexpr std::pair<trainer::Reference, std::string_view> values[] = {{kNone, "none"}, {kNaive, "naive"}};
};
}  // namespace peer

namespace peer::trainer {

struct StageOptions : GrowthOptions, PenaltyOptions, ReplayOptions, RowOptions {
  std::string domain = {};
  Strategy strategy = Strategy::kGrow;
  double keep = 0;
  double average = 0;
  double max_forgetting = -1;
  Reference reference = Reference::kNone;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.domain, OptionInfo{"domain", "name of the domain that the text belongs to", "NAME"});
    visit(self.strategy,
          OptionInfo{"strategy", "a composition of the options below, each of which can be set beside it (docs/continual.md)"});
    GrowthOptions::fields(self, visit);
    PenaltyOptions::fields(self, visit);
    ReplayOptions::fields(self, visit);
    RowOptions::fields(self, visit);
    visit(self.keep, OptionInfo{"keep", "at the end, weights = keep * before + (1 - keep) * after (WiSE-FT)"});
    visit(self.average, OptionInfo{"average",
                                   "decay a step of a moving average of the weights, which starts at those before the stage and is what "
                                   "the stage leaves; 0: none, 0.99: about the last hundred steps. The first stage of a pool has none"});
    visit(self.max_forgetting, OptionInfo{"max-forgetting",
                                          "commit only when no older domain is worse by more than this than it ever was; else exit 3, head "
                                          "stays, and the ref 'refused' names the result; below 0: no limit",
                                          "bits a byte"});
    visit(self.reference, OptionInfo{"reference", "naive: also train a throw-away copy naively for as many steps, to measure plasticity"});
  }
};

// The composition that a strategy names.
StageOptions composed(Strategy strategy);

// UsageError with the rule that does not hold, e.g. a penalty on weights that are frozen.
void check(const StageOptions& options);

}  // namespace peer::trainer
