// A stage: read a corpus, choose the parent view, grow, train what may change, evaluate every domain seen, commit.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "trainer/options/run_options.h"
#include "trainer/state/session.h"

namespace peer::trainer {

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
