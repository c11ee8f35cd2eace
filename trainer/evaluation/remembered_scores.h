// Scores of frozen views, kept in the pool: a view that no stage changes any more is read once on a domain's held-out documents. So the
// row of L costs two views (the new one, and the one that was new before), however many there are.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "trainer/evaluation/view_scores.h"
#include "trainer/state/held_out.h"
#include "trainer/state/session.h"

namespace peer::trainer {

class RememberedScores {
 public:
  // `changing`: views that differ, or will, from those of the session's generation; nothing of them or of what grew on them is remembered.
  // `fresh`: records that are not in the pool yet.
  RememberedScores(Session& session, const EvaluateOptions& options, std::span<const int> changing, const Records& fresh);

  // The scores by those of `views` that are known; nothing is read with the model. CorruptError when a stored score does not fit.
  ViewScores known(std::span<const int> views, const Digest& held_out, std::span<const streams::Document> documents) const;

  // The scores by `views` of the documents whose content is `held_out`: those that are known, the others read with the model; these go to
  // `records` where they may be remembered. The same bits either way. CorruptError as known().
  ViewScores of(std::span<const int> views, const Digest& held_out, std::span<const streams::Document> documents, Records& records,
                const ScoringWatch& watch = {}) const;

 private:
  bool stays(int view) const;
  // Names everything that the bits of a view's scores depend on but the documents: weights, window, batch, threads, device, CPU path,
  // precision.
  std::string key_of(int view, const Digest& held_out) const;

  Session& session_;
  EvaluateOptions options_;
  std::vector<int> changing_;
  const Records& fresh_;
};

}  // namespace peer::trainer
