#include "cli/stage_command.h"

namespace peer::cli {
namespace {

// StageOptions are for `stream` too: what only growth reads would be ignored here in silence.
void check_grows_nothing(const trainer::StageOptions& stage) {
  if (stage.experts == "preset" && stage.parent == "auto") return;
  throw UsageError(std::string("option '") + (stage.experts != "preset" ? "experts" : "parent-view") +
                   "': train grows nothing; use peer-cli stream, or peer-cli grow first");
}

int run(Call& call, const trainer::StageOptions& stage, const streams::StreamOptions& stream, const trainer::TrainOptions& train,
        const trainer::MeasureOptions& measure, const trainer::EvaluateOptions& evaluate, const model::MixtureOptions& mixture,
        const ResumeOptions& resume) {
  if (!resume.resume) check_grows_nothing(stage);
  return run_stage_command(call,
                           {.grow_first = false,
                            .seed = call.common.seed,
                            .metrics = resume.metrics,
                            .stage = stage,
                            .train = train,
                            .measure = measure,
                            .stream = stream,
                            .evaluate = evaluate,
                            .mixture = mixture},
                           resume);
}

}  // namespace

Command train_command() {
  return make_command(
      {.name = "train",
       .group = Group::kLearn,
       .summary = "Train what is there: the base of a new pool, or what `grow` added",
       .details = "Without anything grown, the whole base is trained. After `grow`, only what it added; the rest is frozen.\n"
                  "Ctrl-C finishes the step, commits a state that --resume goes on from, and exits with 75.",
       .positionals = {kPoolArgument},
       .examples = {{"train my-pool --domain english --from books/ --steps 2k", "train the base"},
                    {"train my-pool --resume", "go on after an interruption"}},
       .json =
           R"({"domain", "generation", "interrupted", "refused", "steps", "seconds", "files_written", "bytes_written", "bits_per_byte", "profile" with --profile})"},
      run);
}

}  // namespace peer::cli
