#include "trainer/window_reader.h"

#include <algorithm>
#include <limits>

#include "peer/base/require.h"
#include "peer/ops/cross_entropy.h"
#include "streams/byte_tokenizer.h"

namespace peer::trainer {

using streams::ByteTokenizer;

struct WindowReader::Reading {
  int view;
  std::deque<Row> list;
  std::unique_ptr<model::Activations> saved;  // made when the view first reads
};

WindowReader::WindowReader(Context& ctx, model::Model& model, std::span<const int> views, std::span<const streams::Document> documents,
                           std::int64_t rows, double overlap)
    : ctx_(ctx),
      model_(model),
      rows_(rows),
      length_(model.options().context),
      input_(rows_ * length_),
      target_(rows_ * length_),
      nll_(rows_ * length_) {
  for (const int view : views) readings_.push_back({view, {}, nullptr});
  for (const streams::Document& document : documents) {
    Text& text = texts_.emplace_back();
    text.tokens.push_back(ByteTokenizer::kEndOfDocument);
    ByteTokenizer::append(document.text, text.tokens);
    text.tokens.push_back(ByteTokenizer::kEndOfDocument);
    text.windows = windows_of(static_cast<std::int64_t>(text.tokens.size()) - 1, length_, overlap);
    const std::vector<float> nothing(text.tokens.size() - 1, std::numeric_limits<float>::quiet_NaN());
    text.log_p.assign(views.size(), nothing);
  }
}

WindowReader::~WindowReader() = default;

void WindowReader::ask(std::size_t g, std::size_t document, std::size_t window) {
  require(window < texts_[document].windows.size(), "window reader: the document must have the window");
  readings_[g].list.push_back({document, window});
  ++texts_[document].waiting;
}

std::optional<std::vector<std::size_t>> WindowReader::read() {
  const auto fullest = std::max_element(readings_.begin(), readings_.end(),
                                        [](const Reading& a, const Reading& b) { return a.list.size() < b.list.size(); });
  const auto count = std::min<std::int64_t>(rows_, static_cast<std::int64_t>(fullest->list.size()));
  if (count == 0) return std::nullopt;
  if (!fullest->saved) fullest->saved = std::make_unique<model::Activations>(model_, fullest->view, rows_, length_, false);
  model::Activations& saved = *fullest->saved;
  std::fill_n(input_.data(), saved.tokens, ByteTokenizer::kEndOfDocument);
  std::fill_n(target_.data(), saved.tokens, -1);
  for (std::int64_t r = 0; r < count; ++r) {
    const Text& text = texts_[fullest->list[r].document];
    const Window& w = text.windows[fullest->list[r].window];
    std::copy_n(text.tokens.data() + w.begin, w.end - w.begin, input_.data() + r * length_);
    std::copy_n(text.tokens.data() + w.begin + 1, w.end - w.begin, target_.data() + r * length_);
  }
  if (watch_) saved.watch = watch_of(*fullest, count);
  model_.forward(ctx_, input_.view(saved.tokens), saved, false);
  ops::cross_entropy(ctx_, {.logits = saved.logits_view(), .target = target_.view(saved.tokens), .nll = nll_.view(saved.tokens)});
  std::vector<std::size_t> complete;
  for (std::int64_t r = 0; r < count; ++r) {
    const auto [document, window] = fullest->list[r];
    Text& text = texts_[document];
    const Window& w = text.windows[window];
    std::vector<float>& log_p = text.log_p[fullest - readings_.begin()];
    for (std::int64_t t = w.score_begin; t < w.end; ++t) log_p[t] = -nll_[r * length_ + t - w.begin];
    if (--text.waiting == 0) complete.push_back(document);
  }
  fullest->list.erase(fullest->list.begin(), fullest->list.begin() + count);
  windows_read_ += count;
  return complete;
}

// The first `count` rows of the batch are those at the front of the reading's list.
model::PickWatch WindowReader::watch_of(const Reading& reading, std::int64_t count) const {
  return [this, &reading, count](int view, int layer, const layers::PeerBlock& block, const layers::PeerActivations& picks) {
    const std::int64_t R = block.picks();
    for (std::int64_t r = 0; r < count; ++r) {
      const auto [document, window] = reading.list[r];
      const Window& w = texts_[document].windows[window];
      for (std::int64_t t = w.score_begin; t < w.end; ++t) {
        const std::int64_t first = (r * length_ + t - w.begin) * R;
        watch_({static_cast<std::size_t>(&reading - readings_.data()),
                document,
                t,
                view,
                layer,
                {picks.id.data() + first, static_cast<std::size_t>(R)},
                {picks.gate.data() + first, static_cast<std::size_t>(R)}});
      }
    }
  };
}

}  // namespace peer::trainer
