// Whether a text is news to the model, and how much there is to learn: what `--experts auto` goes by.
#pragma once

#include <span>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/scoring_watch.h"
#include "trainer/stage.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// A view is asked for text of its own domain that it was never trained on, and for the new text. Known: the new text is no harder, but for
// a margin, and the documents are enough to say so; new: it is harder by more than the margin, likewise; else it is not decided.
struct Novelty {
  double here = kMissing;  // bits per byte of the new text's sample
  double own = kMissing;   // ... of the held-out documents of the domains that the view was trained on
  Interval difference;     // here - own: 95 %, by documents
  bool known() const { return difference.high <= kMargin * own; }
  bool is_new() const { return difference.low > kMargin * own; }
  const char* verdict() const;
  static constexpr double kMargin = 0.05;  // a known text may be harder by this share
};
Novelty novelty_of(Session& session, int view, std::span<const streams::Document> sample, const EvaluateOptions& options,
                   const ScoringWatch& watch = {});

// What a stage may gain, bits per byte: a throw-away view is grown on `parent` and trained for a tenth of the stage's steps; what it gains
// on the sample of the training text is taken for what a whole stage gains at least. ScoringStopped once `stop` is set.
double probe_gain(Session& session, const RunOptions& options, int parent, streams::Corpus& corpus,
                  std::span<const streams::Document> sample, Progress& progress, const std::atomic<bool>& stop);

// Experts that hold gain * bytes bits, at 2 bits a number (what language models store of facts: Allen-Zhu & Li 2024): no fewer than the
// annexes' heads can tell apart, no more than four times the preset's.
std::int64_t experts_for(double gain, double bytes, const model::ModelOptions& model, const model::DeltaOptions& preset);

}  // namespace peer::trainer
