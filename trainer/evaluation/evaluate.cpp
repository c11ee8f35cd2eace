#include "trainer/evaluation/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "peer/base/require.h"
#include "trainer/evaluation/mixture_run.h"
#include "trainer/evaluation/view_guess.h"
#include "trainer/evaluation/window_reader.h"

namespace peer::trainer {
namespace {

// A view that reads a window here and there would mostly read padding in a large batch, though its rows cost 5 % less each. Another shape
// may round otherwise: "an upper bound of the full mixture's" holds to that rounding.
constexpr std::int64_t kSparseRows = 4;

// kMissing unless the view has read the whole document.
DocumentBits to_bits(const std::vector<float>& log_p, const streams::Document& document) {
  double nats = 0;
  for (const float p : log_p) nats -= p;
  return {nats / std::numbers::ln2, std::ssize(document.text)};
}

// Who reads which windows of each document: [document][view][window].
using Readers = std::vector<std::vector<std::vector<bool>>>;

Readers everybody(const WindowReader& reader, std::size_t documents, std::size_t views) {
  Readers readers;
  for (std::size_t d = 0; d < documents; ++d) readers.emplace_back(views, std::vector<bool>(reader.windows(d).size(), true));
  return readers;
}

Readers guessed(const WindowReader& reader, std::span<const int> views, std::span<const streams::Document> documents, double least,
                std::span<const ByteBigrams> statistics) {
  std::vector<std::vector<float>> tables;
  for (const int view : views) tables.push_back(statistics[static_cast<std::size_t>(view)].log_probabilities());
  Readers readers;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    std::vector<std::vector<float>> log_p;
    for (const auto& table : tables) log_p.push_back(score_bytes(table, documents[d].text));
    readers.push_back(needed_views(view_chances(log_p), reader.windows_in_bytes(d), least));
  }
  return readers;
}

// Reads the windows that were asked for.
void read_all(WindowReader& reader, std::int64_t asked, const ScoringWatch& watch) {
  if (asked == 0) return;
  watch.see(0, asked);
  while (reader.read()) watch.see(reader.windows_read(), asked);
}

}  // namespace

TokenLogP score_documents(Context& ctx, LanguageModel language, int view, std::span<const streams::Document> documents,
                          const EvaluateOptions& options, const ScoringWatch& watch) {
  const int views[] = {view};
  WindowReader reader(ctx, language, views, documents, options.eval_batch, options.eval_overlap);
  std::int64_t asked = 0;
  for (std::size_t d = 0; d < documents.size(); ++d)
    for (std::size_t w = 0; w < reader.windows(d).size(); ++w, ++asked) reader.ask(0, d, w);
  read_all(reader, asked, watch);
  TokenLogP log_p;
  for (std::size_t d = 0; d < documents.size(); ++d) log_p.push_back(reader.log_p(d)[0]);
  return log_p;
}

DomainScore score_domain(Context& ctx, LanguageModel language, std::span<const int> views, std::span<const streams::Document> documents,
                         const EvaluateOptions& options, const model::MixtureOptions& mixture, std::span<const ByteBigrams> statistics,
                         const ViewScores& known, const ScoringWatch& watch) {
  const bool guesses = options.guess > 0 && can_guess(views, mixture, statistics);
  require(!guesses || known.empty(), "score domain: a guess is about views that read");
  std::vector<int> reading;
  for (const int view : views)
    if (!known.contains(view)) reading.push_back(view);
  WindowReader reader(ctx, language, reading, documents, guesses ? std::min(options.eval_batch, kSparseRows) : options.eval_batch,
                      options.eval_overlap);
  const Readers readers =
      guesses ? guessed(reader, reading, documents, options.guess, statistics) : everybody(reader, documents.size(), reading.size());
  std::int64_t windows = 0, asked = 0;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    windows += static_cast<std::int64_t>(reader.windows(d).size());
    for (std::size_t g = 0; g < reading.size(); ++g)
      for (std::size_t w = 0; w < reader.windows(d).size(); ++w)
        if (readers[d][g][w]) reader.ask(g, d, w), ++asked;
  }
  read_all(reader, asked, watch);
  DomainScore score;
  score.by_view.resize(views.size());
  for (std::size_t d = 0; d < documents.size(); ++d) {
    std::vector<const std::vector<float>*> log_p;
    std::size_t read = 0;
    for (const int view : views) log_p.push_back(known.contains(view) ? &known.at(view)[d] : &reader.log_p(d)[read++]);
    score.mixture.push_back({run_mixture(log_p, mixture), std::ssize(documents[d].text)});
    for (std::size_t g = 0; g < views.size(); ++g) score.by_view[g].push_back(to_bits(*log_p[g], documents[d]));
  }
  if (windows > 0) {
    score.views_read = static_cast<double>(reader.windows_read()) / static_cast<double>(windows);
    score.views_computed = static_cast<double>(reader.blocks_computed()) / static_cast<double>(windows * language.model.options().layers);
  }
  return score;
}

bool can_guess(std::span<const int> views, const model::MixtureOptions& mixture, std::span<const ByteBigrams> statistics) {
  return views.size() > 1 && mixture.switch_share > 0 && !statistics.empty() &&
         std::none_of(views.begin(), views.end(), [&](int v) { return statistics[static_cast<std::size_t>(v)].empty(); });
}

}  // namespace peer::trainer
