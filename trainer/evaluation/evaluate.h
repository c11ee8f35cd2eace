// Bits per byte on held-out documents, by view and by the mixture over views.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "peer/model/mixture.h"
#include "streams/document.h"
#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/scoring_watch.h"
#include "trainer/options/train_options.h"
#include "trainer/state/byte_bigrams.h"
#include "trainer/state/language_model.h"

namespace peer::trainer {

// log_p[d][t]: natural log-probability of token t of document d, and then of its end. Every token is scored exactly once; a
// window of T tokens after the first scores only the part that the window before did not, so each has at least eval_overlap*T tokens
// of context behind it. A document starts from the end-of-document token, without the document before.
using TokenLogP = std::vector<std::vector<float>>;
TokenLogP score_documents(Context& ctx, LanguageModel language, int view, std::span<const streams::Document> documents,
                          const EvaluateOptions& options, const ScoringWatch& watch = {});
// By view, of the documents of one domain.
using ViewScores = std::map<int, TokenLogP>;

struct DomainScore {
  std::vector<DocumentBits> mixture;               // by document
  std::vector<std::vector<DocumentBits>> by_view;  // [view][document]; kMissing where the view did not read all of it
  double views_read = 0;                           // windows read, of all views, over the windows that one view would read
  double views_computed = 0;                       // the same of blocks: below `views_read` where views share their lowest blocks
};

// `views`: which views the mixture is over, oldest first. One view: the mixture is that view. The same bits for any number of threads and
// for any company that a document has. With options.guess = 0, or where can_guess() is false, every view reads everything;
// else byte statistics guess who reads what (trainer/view_guess.h), by view of the model. `known`: scores of views that need not read, as
// score_documents gives them; with them nothing is guessed.
DomainScore score_domain(Context& ctx, LanguageModel language, std::span<const int> views, std::span<const streams::Document> documents,
                         const EvaluateOptions& options, const model::MixtureOptions& mixture, std::span<const ByteBigrams> statistics = {},
                         const ViewScores& known = {}, const ScoringWatch& watch = {});

// Whether byte statistics can guess who reads what: several views with statistics, and a switch share (without it a view that skipped a
// window could never come back).
bool can_guess(std::span<const int> views, const model::MixtureOptions& mixture, std::span<const ByteBigrams> statistics);

}  // namespace peer::trainer
