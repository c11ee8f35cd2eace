// Sparse memory finetuning: of each batch, only the experts' rows that are the new text's own change (Lin et al. 2025).
#pragma once

#include <cstdint>

#include "peer/base/options.h"

namespace peer::trainer {

struct RowOptions {
  std::int64_t rows = 0;
  double rows_rate = 1000;
  std::int64_t rows_background = 64;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.rows, OptionInfo{"rows",
                                "a step changes only this many rows, over all layers: those that its batch retrieves most and old text "
                                "least (TF-IDF), by SGD; 0: no such choice. Only with --trains experts"});
    visit(self.rows_rate,
          OptionInfo{"rows-rate",
                     "peak learning rate of that SGD, which has no momentum: large, for a row's gradient is a mean over all tokens"});
    visit(self.rows_background,
          OptionInfo{"rows-background", "batches of this stage's text whose retrievals later stages compare with, when --rows is given",
                     "batches"});
  }
};

}  // namespace peer::trainer
