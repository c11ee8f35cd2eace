#include "cli/stage_command.h"

namespace peer::cli {
namespace {

// The stage takes from `call` which of the DeltaOptions were given: the others are the pool's own.
int run(Call& call, const trainer::StageOptions& stage, const streams::StreamOptions& stream, const model::DeltaOptions&,
        const trainer::TrainOptions& train, const trainer::MeasureOptions& measure, const trainer::EvaluateOptions& evaluate,
        const model::MixtureOptions& mixture, const ResumeOptions& resume) {
  return run_stage_command(call,
                           {.grow_first = true,
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

Command stream_command() {
  return make_command(
      {.name = "stream",
       .group = Group::kLearn,
       .summary = "Learn a new corpus without losing the old: grow, train what is new, measure, commit",
       .details = "Chooses the view that predicts the new text best, grows experts and deltas on it (the shape that the pool was "
                  "made with, unless given here), trains only those, scores every domain seen, and commits.\n"
                  "Ctrl-C finishes the step, commits a state that --resume goes on from, and exits with 75.",
       .positionals = {kPoolArgument},
       .examples = {{"stream my-pool --domain mine --from my.txt", "learn one file"},
                    {"stream my-pool --domain code --from src/ --glob '*.py' --reference naive", "and measure plasticity"},
                    {"stream my-pool --domain mine --from my.txt --strategy naive", "fine-tune in place, to compare"}},
       .json =
           R"({"domain", "generation", "interrupted", "refused", "steps", "seconds", "files_written", "bytes_written", "bits_per_byte", "profile" with --profile})"},
      run);
}

}  // namespace peer::cli
