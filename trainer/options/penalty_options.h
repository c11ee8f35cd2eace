// What a stage is penalised for: moving weights that mattered, reusing directions of older adapters, changing its mind.
#pragma once

#include <cstdint>

#include "peer/base/options.h"

namespace peer::trainer {

enum class Penalty { kNone, kL2sp, kEwc, kOnlineEwc, kSi, kMas };

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::Penalty> {
  using enum trainer::Penalty;
  static constexpr std::pair<trainer::Penalty, std::string_view> values[] = {
      {kNone, "none"}, {kL2sp, "l2sp"}, {kEwc, "ewc"}, {kOnlineEwc, "online-ewc"}, {kSi, "si"}, {kMas, "mas"}};
};
}  // namespace peer

namespace peer::trainer {

struct PenaltyOptions {
  Penalty penalty = Penalty::kNone;
  double penalty_weight = 1;
  double penalty_decay = 1;
  std::int64_t penalty_samples = 64;
  double orthogonal = 0;
  double distill = 0;
  double temperature = 2;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.penalty,
          OptionInfo{"penalty", "what pulls old weights back, each by how much it mattered; only with --grows none or extend"});
    visit(
        self.penalty_weight,
        OptionInfo{"penalty-weight",
                   "of the penalty, whose importances have a mean of 1; 0: nothing pulls, and importances are measured as if this was the "
                   "first stage"});
    visit(self.penalty_decay, OptionInfo{"penalty-decay", "what the importances of the stages before keep at each stage; 1: a sum"});
    visit(self.penalty_samples, OptionInfo{"penalty-samples", "windows on which ewc and mas measure importances after a stage", "windows"});
    visit(self.orthogonal,
          OptionInfo{"orthogonal", "weight of what keeps new adapters orthogonal to all older ones on the view's path (O-LoRA); 0: none"});
    visit(self.distill, OptionInfo{"distill", "weight of the divergence from the model as it was before the stage (LwF); 0: none"});
    visit(self.temperature, OptionInfo{"distill-temperature", "softens both sides of that divergence"});
  }
};

}  // namespace peer::trainer
