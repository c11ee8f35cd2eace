// A stage: read a corpus, choose the parent view, grow, train what may change, evaluate every domain seen, commit.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "peer/device/profile.h"
#include "streams/stream_options.h"
#include "trainer/session.h"
#include "trainer/strategy.h"
#include "trainer/train_options.h"

namespace peer::trainer {

// Everything that a stage can be told. Stored as text with an interrupted stage, so that --resume needs no flag again.
struct RunOptions {
  bool grow_first = true;  // `stream` grows; `train` trains what is there
  std::int64_t seed = 0;   // of the order of the text
  std::string metrics;
  Profile* profile = nullptr;  // times the training steps but the first, which reserves memory
  StageOptions stage;
  TrainOptions train;
  MeasureOptions measure;
  streams::StreamOptions stream;
  EvaluateOptions evaluate;
  model::MixtureOptions mixture;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.grow_first, OptionInfo{"grow-first", "stream: grow before training"});
    visit(self.seed, OptionInfo{"seed", "of the order of the text"});
    visit(self.metrics, OptionInfo{"metrics", "append one JSON line a step to this file", "FILE"});
    StageOptions::fields(self.stage, visit);
    streams::StreamOptions::fields(self.stream, visit);
    TrainOptions::fields(self.train, visit);
    MeasureOptions::fields(self.measure, visit);
    EvaluateOptions::fields(self.evaluate, visit);
    model::MixtureOptions::fields(self.mixture, visit);
  }
};

struct StageOutcome {
  bool interrupted = false;  // the state is under the ref "resume", head stays at the parent
  bool refused = false;      // more was forgotten than the limit allows: the state is under the ref "refused", head stays at the parent
  pool::CommitReport commit = {};
  std::int64_t steps = 0;  // done in all
  double seconds = 0;
  std::string summary = {};
};

// The options that an interrupted stage was started with.
RunOptions options_of(const StoredRun& run);

// Runs one stage on a session opened for writing at head. UsageError when options contradict each other, or when head is itself an
// unfinished stage. `stop`: finish the step, commit a resumable state, return. Errors leave head where it was.
StageOutcome run_stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop);
// Goes on with the unfinished stage at which the session was opened (the ref "resume"). options: options_of(it), but for where the text
// lies, where the metrics go, and `profile`.
StageOutcome resume_stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop);

}  // namespace peer::trainer
