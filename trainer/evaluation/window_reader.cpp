#include "trainer/evaluation/window_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/ops/cross_entropy.h"

namespace peer::trainer {

struct WindowReader::Reading {
  int view;
  std::deque<Row> list;
  std::unique_ptr<model::Activations> saved;  // made when the view first reads
};

WindowReader::WindowReader(Context& ctx, LanguageModel language, std::span<const int> views, std::span<const streams::Document> documents,
                           std::int64_t rows, double overlap)
    : ctx_(ctx),
      model_(language.model),
      tokenizer_(language.tokenizer),
      rows_(rows),
      length_(model_.options().context),
      shared_(model_.shared_blocks(views)),
      input_(ctx.device(), rows_ * length_),
      target_(ctx.device(), rows_ * length_),
      nll_(ctx.device(), rows_ * length_) {
  for (const int view : views) readings_.push_back({view, {}, nullptr});
  for (const streams::Document& document : documents) {
    Text& text = texts_.emplace_back();
    text.tokens.push_back(tokenizer_.end_of_document());
    tokenizer_.append(document.text, text.tokens);
    text.tokens.push_back(tokenizer_.end_of_document());
    text.windows = windows_of(static_cast<std::int64_t>(text.tokens.size()) - 1, length_, overlap);
    const std::vector<float> nothing(text.tokens.size() - 1, std::numeric_limits<float>::quiet_NaN());
    text.log_p.assign(views.size(), nothing);
  }
}

WindowReader::~WindowReader() = default;

std::vector<Window> WindowReader::windows_in_bytes(std::size_t document) const {
  const Text& text = texts_[document];
  if (tokenizer_.is_bytes()) return text.windows;
  std::vector<std::int64_t> begin = {0};  // byte at which target t begins; what has no bytes takes one, so that none is empty
  for (std::size_t t = 1; t < text.tokens.size(); ++t)
    begin.push_back(begin.back() + std::max<std::int64_t>(1, std::ssize(tokenizer_.text_of(text.tokens[t]))));
  std::vector<Window> windows;
  for (const Window& w : text.windows)
    windows.push_back(
        {begin[static_cast<std::size_t>(w.begin)], begin[static_cast<std::size_t>(w.score_begin)], begin[static_cast<std::size_t>(w.end)]});
  return windows;
}

void WindowReader::watch(TokenWatch watch) {
  watch_ = std::move(watch);
  shared_ = 0;
}

void WindowReader::ask(std::size_t g, std::size_t document, std::size_t window) {
  require(window < texts_[document].windows.size(), "window reader: the document must have the window");
  if (shared_ > 0) {
    asked_[{document, window}].push_back(g);
  } else {
    readings_[g].list.push_back({document, window});
  }
  ++texts_[document].waiting;
}

bool WindowReader::full_batch() const {
  return std::any_of(readings_.begin(), readings_.end(),
                     [&](const Reading& reading) { return static_cast<std::int64_t>(reading.list.size()) >= rows_; });
}

model::Activations& WindowReader::activations(Reading& reading) {
  if (!reading.saved)
    reading.saved = std::make_unique<model::Activations>(model_, reading.view, rows_, length_, false, model::Logits::kOfAPiece);
  return *reading.saved;
}

void WindowReader::fill(std::int64_t row, const Row& asked) {
  const Text& text = texts_[asked.document];
  const Window& w = text.windows[asked.window];
  std::fill_n(input_.data() + row * length_, length_, tokenizer_.end_of_document());
  std::fill_n(target_.data() + row * length_, length_, -1);
  std::copy_n(text.tokens.data() + w.begin, w.end - w.begin, input_.data() + row * length_);
  std::copy_n(text.tokens.data() + w.score_begin + 1, w.end - w.score_begin, target_.data() + row * length_ + w.score_begin - w.begin);
}

// The next windows in the order of the text, whoever needs them.
void WindowReader::read_below() {
  model::Activations& saved = activations(readings_.front());
  std::fill_n(input_.data(), saved.tokens, tokenizer_.end_of_document());
  std::int64_t count = 0;
  for (auto next = asked_.begin(); next != asked_.end() && count < rows_; ++next) fill(count++, {next->first.first, next->first.second});
  const auto x = model_.forward_below(ctx_, input_.view(saved.tokens), saved, shared_);
  auto below = std::make_shared<Buffer<float>>(ctx_.device(), x.size());
  queue_copy(ctx_, x, below->view(x.shape[0], x.shape[1]));
  ctx_.wait();
  for (std::int64_t r = 0; r < count; ++r) {
    const auto next = asked_.begin();
    for (const std::size_t g : next->second) readings_[g].list.push_back({next->first.first, next->first.second, below, r});
    asked_.erase(next);
  }
  blocks_computed_ += count * shared_;
}

// The pieces of the batch in which a token is scored. All of one size, that of a batch included: the numbers of a token depend on it.
std::vector<std::int64_t> WindowReader::scored_pieces(std::int64_t size) const {
  std::vector<std::int64_t> pieces;
  const auto is_target = [](std::int32_t token) { return token >= 0; };
  for (std::int64_t first = 0; first < target_.size(); first += size) {
    const std::int64_t begin = std::min(first, target_.size() - size);
    if (std::any_of(target_.data() + begin, target_.data() + begin + size, is_target)) pieces.push_back(begin);
  }
  return pieces;
}

std::optional<std::vector<std::size_t>> WindowReader::read() {
  while (!asked_.empty() && !full_batch()) read_below();
  const auto fullest = std::max_element(readings_.begin(), readings_.end(),
                                        [](const Reading& a, const Reading& b) { return a.list.size() < b.list.size(); });
  const auto count = std::min<std::int64_t>(rows_, static_cast<std::int64_t>(fullest->list.size()));
  if (count == 0) return std::nullopt;
  model::Activations& saved = activations(*fullest);
  std::fill_n(input_.data(), saved.tokens, tokenizer_.end_of_document());
  std::fill_n(target_.data(), saved.tokens, -1);
  for (std::int64_t r = 0; r < count; ++r) fill(r, fullest->list[r]);
  const std::vector<std::int64_t> pieces = scored_pieces(saved.piece);
  if (watch_) saved.watch = watch_of(*fullest, count);
  if (shared_ > 0) {
    const std::int64_t row = length_ * model_.options().width;
    Buffer<float> x(ctx_.device(), rows_ * row);
    for (std::int64_t r = 0; r < count; ++r) {
      const Row& asked = fullest->list[r];
      queue_copy(ctx_, asked.below->data() + asked.of_below * row, x.data() + r * row, row * static_cast<std::int64_t>(sizeof(float)));
    }
    model_.forward_above(ctx_, x.view(saved.tokens, model_.options().width), saved, shared_);
  } else {
    model_.forward(ctx_, input_.view(saved.tokens), saved, false);
  }
  for (const std::int64_t first : pieces)
    ops::cross_entropy(ctx_, {.logits = model_.predict(ctx_, saved, first, saved.piece),
                              .target = {target_.data() + first, saved.piece},
                              .nll = {nll_.data() + first, saved.piece}});
  ctx_.wait();
  std::vector<std::size_t> complete;
  for (std::int64_t r = 0; r < count; ++r) {
    const Row& asked = fullest->list[r];
    Text& text = texts_[asked.document];
    const Window& w = text.windows[asked.window];
    std::vector<float>& log_p = text.log_p[fullest - readings_.begin()];
    for (std::int64_t t = w.score_begin; t < w.end; ++t) {
      log_p[t] = -nll_[r * length_ + t - w.begin];
      if (!std::isfinite(log_p[t]))
        throw NumericError(
            fmt::format("view {}: what it predicts is not a finite number; nothing was committed; try lower learning rates, or an "
                        "earlier generation",
                        model_.view(fullest->view).name));
    }
    if (--text.waiting == 0) complete.push_back(asked.document);
  }
  fullest->list.erase(fullest->list.begin(), fullest->list.begin() + count);
  windows_read_ += count;
  blocks_computed_ += count * (model_.options().layers - shared_);
  return complete;
}

// The first `count` rows of the batch are those at the front of the reading's list.
model::PickWatch WindowReader::watch_of(const Reading& reading, std::int64_t count) const {
  return [this, &reading, count](int view, int layer, const layers::PeerBlock& block, const layers::PeerActivations& picks) {
    const std::int64_t R = block.picks();
    for (std::int64_t r = 0; r < count; ++r) {
      const auto& [document, window, below, of_below] = reading.list[r];
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
