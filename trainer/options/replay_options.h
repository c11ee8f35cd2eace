// What older domains leave behind of their text, and what a stage does with it.
#pragma once

#include <cstdint>

#include "peer/base/options.h"

namespace peer::trainer {

struct ReplayOptions {
  double replay = 0;
  std::int64_t self_text = 0;
  bool project = false;
  std::int64_t reservoir = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.replay,
          OptionInfo{"replay",
                     "share of every batch's windows that comes from the reservoirs of older domains; 1: as much for each domain "
                     "as for the new one"});
    visit(self.self_text, OptionInfo{"self-text",
                                     "replay text that the model writes itself before the stage, this much, instead of reservoirs; 0: "
                                     "reservoirs",
                                     "bytes"});
    visit(self.project,
          OptionInfo{"project",
                     "a gradient that would raise the loss on a batch of the older domains' reservoirs loses the part that would (A-GEM)"});
    visit(self.reservoir, OptionInfo{"reservoir", "training text of this domain that stays in the pool to be replayed; 0: none", "bytes"});
  }
};

}  // namespace peer::trainer
