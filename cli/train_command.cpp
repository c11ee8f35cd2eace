#include "cli/stage_command.h"

namespace peer::cli {
namespace {

int run(Call& call, const trainer::RunOptions& options, const ResumeOptions& resume) {
  return run_stage_command(call, false, options, {}, resume);
}

}  // namespace

Command train_command() {
  return make_command({.name = "train",
                       .group = Group::kLearn,
                       .summary = "Train what is there: the base of a new pool, or what `grow` added",
                       .details = "Without anything grown, the whole base is trained. After `grow`, only what it added; the rest is frozen.\n"
                                  "Ctrl-C finishes the step, commits a state that --resume goes on from, and exits with 75.",
                       .positionals = {kPoolArgument},
                       .examples = {{"train my-pool --domain english --from books/ --steps 2k", "train the base"},
                                    {"train my-pool --resume", "go on after an interruption"}},
                       .json = R"({"domain", "generation", "interrupted", "steps", "seconds", "files_written", "bytes_written", "bits_per_byte"})"},
                      run);
}

}  // namespace peer::cli
