#include "trainer/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "trainer/view_schedule.h"
#include "trainer/window_reader.h"

namespace peer::trainer {
namespace {

// Views that mostly sleep ask for a window here and there: a large batch of theirs would be padding, though its rows cost 5 % less each.
// Another shape may round otherwise: "an upper bound of the full mixture's" holds to that rounding.
constexpr std::int64_t kSparseRows = 4;

// kMissing unless the view has read the whole document.
DocumentBits to_bits(const std::vector<float>& log_p) {
  double nats = 0;
  for (const float p : log_p) nats -= p;
  return {nats / std::numbers::ln2, static_cast<std::int64_t>(log_p.size()) - 1};  // the end is a token, not a byte
}

}  // namespace

TokenLogP score_documents(Context& ctx, model::Model& model, int view, std::span<const streams::Document> documents,
                          const EvaluateOptions& options) {
  const int views[] = {view};
  WindowReader reader(ctx, model, views, documents, options.eval_batch, options.eval_overlap);
  for (std::size_t d = 0; d < documents.size(); ++d)
    for (std::size_t w = 0; w < reader.windows(d).size(); ++w) reader.ask(0, d, w);
  while (reader.read()) {
  }
  TokenLogP log_p;
  for (std::size_t d = 0; d < documents.size(); ++d) log_p.push_back(reader.log_p(d)[0]);
  return log_p;
}

DomainScore score_domain(Context& ctx, model::Model& model, std::span<const int> views, std::span<const streams::Document> documents,
                         const EvaluateOptions& options, const model::MixtureOptions& mixture) {
  const std::int64_t rows = options.sleep > 0 ? std::min(options.eval_batch, kSparseRows) : options.eval_batch;
  WindowReader reader(ctx, model, views, documents, rows, options.eval_overlap);
  std::vector<ViewSchedule> schedules;
  const auto advance = [&](std::size_t d) {
    for (const auto& [g, window] : schedules[d].advance(reader.log_p(d))) reader.ask(g, d, window);
  };
  std::int64_t windows = 0;
  for (std::size_t d = 0; d < documents.size(); ++d) {
    schedules.emplace_back(reader.windows(d), static_cast<int>(views.size()), mixture, options.sleep);
    windows += static_cast<std::int64_t>(reader.windows(d).size());
    advance(d);
  }
  while (const auto ready = reader.read())
    for (const std::size_t d : *ready) advance(d);
  DomainScore score;
  score.by_view.resize(views.size());
  for (std::size_t d = 0; d < documents.size(); ++d) {
    score.mixture.push_back({schedules[d].bits(), static_cast<std::int64_t>(documents[d].text.size())});
    for (std::size_t g = 0; g < views.size(); ++g) score.by_view[g].push_back(to_bits(reader.log_p(d)[g]));
  }
  if (windows > 0) score.views_read = static_cast<double>(reader.windows_read()) / static_cast<double>(windows);
  return score;
}

std::vector<int> all_views(const model::Model& model) {
  std::vector<int> views;
  for (int v = 0; v <= model.newest(); ++v)
    if (!model.retired(v)) views.push_back(v);
  return views;
}

}  // namespace peer::trainer
