#pragma once

#include <string>

#include "peer/base/options.h"

namespace peer::cli {

// Of the commands that predict: which state of the pool, and who in it.
struct PredictorOptions {
  std::string at = "head";
  std::string view = "auto";

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.at, OptionInfo{"at", "the state that predicts: head, a tag, g12, head~1", "REF"});
    visit(self.view, OptionInfo{"view",
                                "what predicts: mixture (over all views), head (the newest view), a view's name, or auto: what the last "
                                "stage chose by --predicts",
                                "VIEW"});
  }
};

}  // namespace peer::cli
