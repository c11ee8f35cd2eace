// What is measured around a stage: the row of L before it and the row after it.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "peer/base/progress.h"
#include "trainer/options/run_options.h"
#include "trainer/state/held_out.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// A domain arrives: registers it with its held-out documents (a known domain keeps those it has) and measures it before its stage, with
// the first generation (row 0) and with the newest. Returns the records to commit. ScoringStopped once `stop` is set.
Records arrive(Session& session, const RunOptions& options, const std::vector<streams::Document>& held_out, Progress& progress,
               const std::atomic<bool>& stop);

// Scores every known domain and fills the newest stage's row of L. What is not in the pool yet, documents and scores, is taken from
// `fresh`. `changed`: the views that differ from those of the session's generation.
Records evaluate_all(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture, std::span<const int> changed,
                     const Records& fresh, Progress& progress);

}  // namespace peer::trainer
