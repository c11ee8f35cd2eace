// What is measured around a stage: the row before it, the row after it, and the naive run that plasticity is relative to.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "streams/corpus.h"
#include "trainer/held_out.h"
#include "trainer/stage.h"

namespace peer::trainer {

// A domain arrives: registers it with its held-out documents (a known domain keeps those it has) and measures it before its stage, with
// the first generation (row 0) and with the newest. Returns the records to commit. ScoringStopped once `stop` is set.
Records arrive(Session& session, const RunOptions& options, const std::vector<streams::Document>& held_out, Progress& progress,
               const std::atomic<bool>& stop);

// Scores every known domain and fills the newest stage's row of L. What is not in the pool yet, documents and scores, is taken from
// `fresh`. `changed`: the views that differ from those of the session's generation.
Records evaluate_all(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture, std::span<const int> changed,
                     const Records& fresh, Progress& progress);

// Trains a copy of the session's model naively on the corpus, for as many steps, and returns its bits per byte on the domain's held-out
// documents. The copy is thrown away. ScoringStopped once `stop` is set.
double naive_reference(Session& session, const RunOptions& options, streams::Corpus& corpus, Progress& progress,
                       const std::atomic<bool>& stop);

// Views that predict: all of them, or after a naive stage the one that it trained.
std::vector<int> predicting_views(const model::Model& model, const History& history);
// What --view names: auto (those), or as parse_views.
std::vector<int> views_called(const LoadedModel& loaded, const std::string& text);

}  // namespace peer::trainer
