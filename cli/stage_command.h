// What `train` and `stream` share: both run one stage.
#pragma once

#include "cli/command.h"
#include "peer/model/model_options.h"
#include "trainer/stage.h"

namespace peer::cli {

struct ResumeOptions {
  bool resume = false;
  bool discard = false;
  bool dry_run = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.resume, OptionInfo{"resume", "go on with the interrupted stage, with the options it was started with"});
    visit(self.discard, OptionInfo{"discard", "forget the interrupted stage and start this one"});
    visit(self.dry_run, OptionInfo{"dry-run", "print what would be read, trained and added, and touch nothing"});
  }
};

// Runs the stage, prints its outcome, and returns kDone or kResumable.
int run_stage_command(Call& call, bool grow_first, const trainer::RunOptions& options, const model::DeltaOptions& delta,
                      const ResumeOptions& resume);

}  // namespace peer::cli
