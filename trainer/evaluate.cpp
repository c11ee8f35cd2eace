#include "trainer/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "peer/ops/cross_entropy.h"
#include "streams/byte_tokenizer.h"

namespace peer::trainer {
namespace {

using streams::ByteTokenizer;

// A stretch of one document that a row of a batch reads, and the part of it that the row scores.
struct Window {
  std::size_t document;
  std::int64_t begin;        // first input token
  std::int64_t score_begin;  // first target that is scored, relative to begin
  std::int64_t end;          // inputs [begin, begin + end)
};

std::vector<Window> windows_of(const std::vector<std::vector<std::int32_t>>& tokens, std::int64_t length, double overlap) {
  const std::int64_t fresh = std::max<std::int64_t>(1, length - static_cast<std::int64_t>(overlap * static_cast<double>(length)));
  std::vector<Window> windows;
  for (std::size_t d = 0; d < tokens.size(); ++d) {
    const auto targets = static_cast<std::int64_t>(tokens[d].size()) - 1;
    for (std::int64_t scored = 0; scored < targets;) {
      const std::int64_t end = std::min(targets, scored == 0 ? length : scored + fresh);
      const std::int64_t begin = std::max<std::int64_t>(0, end - length);
      windows.push_back({d, begin, scored - begin, end - begin});
      scored = end;
    }
  }
  return windows;
}

std::vector<DocumentBits> to_bits(const std::vector<std::vector<float>>& log_p) {
  std::vector<DocumentBits> bits;
  for (const auto& document : log_p) {
    double nats = 0;
    for (const float p : document) nats -= p;
    bits.push_back({nats / std::numbers::ln2, static_cast<std::int64_t>(document.size()) - 1});  // the end is a token, not a byte
  }
  return bits;
}

}  // namespace

TokenLogP score_documents(Context& ctx, model::Model& model, int view, std::span<const streams::Document> documents,
                          const EvaluateOptions& options) {
  std::vector<std::vector<std::int32_t>> tokens;
  TokenLogP log_p;
  for (const streams::Document& document : documents) {
    auto& list = tokens.emplace_back(1, ByteTokenizer::kEndOfDocument);
    ByteTokenizer::append(document.text, list);
    list.push_back(ByteTokenizer::kEndOfDocument);
    log_p.emplace_back(list.size() - 1);
  }
  const std::int64_t rows = options.eval_batch, length = model.options().context;
  const std::vector<Window> windows = windows_of(tokens, length, options.eval_overlap);
  model::Activations saved(model, view, rows, length, false);
  Buffer<std::int32_t> input(saved.tokens), target(saved.tokens);
  Buffer<float> nll(saved.tokens);
  // The shape of a batch never changes, so a row's numbers do not depend on how many rows are needed.
  for (std::size_t first = 0; first < windows.size(); first += static_cast<std::size_t>(rows)) {
    const std::size_t count = std::min(windows.size() - first, static_cast<std::size_t>(rows));
    std::fill_n(input.data(), saved.tokens, ByteTokenizer::kEndOfDocument);
    std::fill_n(target.data(), saved.tokens, -1);
    for (std::size_t r = 0; r < count; ++r) {
      const Window& w = windows[first + r];
      const std::int32_t* source = tokens[w.document].data() + w.begin;
      std::copy_n(source, w.end, input.data() + static_cast<std::int64_t>(r) * length);
      std::copy_n(source + 1, w.end, target.data() + static_cast<std::int64_t>(r) * length);
    }
    model.forward(ctx, input.view(saved.tokens), saved, false);
    ops::cross_entropy(ctx, {.logits = saved.logits_view(), .target = target.view(saved.tokens), .nll = nll.view(saved.tokens)});
    for (std::size_t r = 0; r < count; ++r) {
      const Window& w = windows[first + r];
      for (std::int64_t t = w.score_begin; t < w.end; ++t)
        log_p[w.document][static_cast<std::size_t>(w.begin + t)] = -nll[static_cast<std::int64_t>(r) * length + t];
    }
  }
  return log_p;
}

DomainScore score_domain(Context& ctx, model::Model& model, std::span<const int> views, std::span<const streams::Document> documents,
                         const EvaluateOptions& options, const model::MixtureOptions& mixture_options) {
  std::vector<TokenLogP> by_view;
  DomainScore score;
  for (const int view : views) {
    by_view.push_back(score_documents(ctx, model, view, documents, options));
    score.by_view.push_back(to_bits(by_view.back()));
  }
  model::Mixture mixture(static_cast<int>(views.size()), mixture_options);
  std::vector<double> log_p(views.size());
  for (std::size_t d = 0; d < documents.size(); ++d) {
    mixture.start_document();
    double nats = 0;
    for (std::size_t t = 0; t < by_view[0][d].size(); ++t) {
      for (std::size_t g = 0; g < views.size(); ++g) log_p[g] = by_view[g][d][t];
      nats -= mixture.update(log_p);
    }
    score.mixture.push_back({nats / std::numbers::ln2, static_cast<std::int64_t>(documents[d].text.size())});
  }
  return score;
}

std::vector<int> all_views(const model::Model& model) {
  std::vector<int> views(model.views().size());
  std::iota(views.begin(), views.end(), 0);
  return views;
}

}  // namespace peer::trainer
