// The naive run that plasticity is relative to.
#pragma once

#include <atomic>

#include "peer/base/progress.h"
#include "streams/corpus.h"
#include "trainer/options/run_options.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// Trains a copy of the session's model naively on the corpus, for as many steps, and returns its bits per byte on the domain's held-out
// documents. The copy is thrown away. ScoringStopped once `stop` is set.
double naive_reference(Session& session, const RunOptions& options, streams::Corpus& corpus, Progress& progress,
                       const std::atomic<bool>& stop);

}  // namespace peer::trainer
