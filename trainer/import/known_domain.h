// Text of a kind that an imported model knew before: what it is measured on from then on, so that forgetting it shows.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "peer/base/progress.h"
#include "streams/document.h"
#include "streams/stream_options.h"
#include "trainer/options/run_options.h"
#include "trainer/state/session.h"

namespace peer::trainer {

struct KnownDomain {
  std::string domain;
  std::vector<streams::Document> held_out;
  std::int64_t eval_bytes = 64 << 10;  // of it, kept and scored
  EvaluateOptions evaluate = {};
  model::MixtureOptions mixture = {};
};

// What of a text is scored: its held-out share or --test, as for a stage; of --test alone all. CorpusError.
std::vector<streams::Document> held_out_of(const streams::StreamOptions& stream, Progress& progress);

// A stage without a step: registers the domain, scores it and commits. ScoringStopped once `stop` is set.
pool::CommitReport measure_known(Session& session, const KnownDomain& known, Progress& progress, const std::atomic<bool>& stop);

}  // namespace peer::trainer
