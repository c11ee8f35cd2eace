// What `train` and `stream` share: both run one stage.
#pragma once

#include <string>

#include "cli/command.h"
#include "peer/model/model_options.h"
#include "trainer/stage.h"

namespace peer::cli {

// How this run goes about its stage: begins it, goes on with it, or only looks.
struct ResumeOptions {
  bool resume = false;
  bool discard = false;
  bool dry_run = false;
  std::string metrics;
  bool profile = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.resume, OptionInfo{"resume", "go on with the interrupted stage, with the options it was started with"});
    visit(self.discard, OptionInfo{"discard", "forget the interrupted stage and start this one"});
    visit(self.dry_run, OptionInfo{"dry-run", "print what would be read, trained and added, and touch nothing"});
    visit(self.metrics,
          OptionInfo{"metrics", "append one JSON line a step to this file; --resume drops those of steps that are taken again", "FILE"});
    visit(self.profile, OptionInfo{"profile", "then print where the time of a step went, op by op, beside what this machine could do"});
  }
};

// Runs the stage, prints its outcome, and returns kDone, kResumable or kForgettingLimit. With --resume the options of the interrupted stage
// replace `options`.
int run_stage_command(Call& call, trainer::RunOptions options, const ResumeOptions& resume);

}  // namespace peer::cli
