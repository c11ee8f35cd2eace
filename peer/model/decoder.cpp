#include "peer/model/decoder.h"

#include <algorithm>

#include "peer/base/require.h"

namespace peer::model {

Decoder::Decoder(Context& ctx, Model& model, int view, std::int64_t rows)
    : ctx_(ctx),
      model_(model),
      one_(model, view, rows, 1, false),
      half_(model, view, rows, std::max<std::int64_t>(model.options().context / 2, 1), false, Logits::kOfAPiece),
      text_(model.unread(rows, model.options().context)),
      token_(ctx.device(), rows * half_.length),
      window_(static_cast<std::size_t>(rows * model.options().context)) {}

void Decoder::restart() { text_.tokens = 0; }

peer::View<const float, 2> Decoder::read(peer::View<const std::int32_t, 1> token) {
  require(token.shape[0] == one_.batch, "decoder: one token a text");
  if (text_.tokens == model_.options().context) drop_older_half();
  std::copy_n(token.data, one_.batch, window_.data() + text_.tokens * one_.batch);
  std::copy_n(token.data, one_.batch, token_.data());
  model_.read_on(ctx_, token_.view(one_.batch), one_, text_);
  ctx_.wait();
  return one_.logits_view();
}

void Decoder::read_chunk(peer::View<const std::int32_t, 2> token, const Pieces& see) {
  const std::int64_t rows = one_.batch;
  require(token.shape[0] == rows && token.shape[1] == chunk(), "decoder: a chunk of every text");
  require(text_.tokens % chunk() == 0, "decoder: chunks begin where chunks end");
  if (text_.tokens + chunk() > model_.options().context) drop_older_half();
  for (std::int64_t t = 0; t < chunk(); ++t)
    for (std::int64_t b = 0; b < rows; ++b) window_[(text_.tokens + t) * rows + b] = token.row(b)[t];
  std::copy_n(token.data, rows * chunk(), token_.data());
  model_.read_on(ctx_, token_.view(rows * chunk()), half_, text_);
  for (std::int64_t first = 0; first < half_.tokens; first += half_.piece) {
    const auto logits = model_.predict(ctx_, half_, first, std::min(half_.piece, half_.tokens - first));
    ctx_.wait();
    see(first, logits);
  }
}

void Decoder::drop_older_half() {
  const std::int64_t rows = one_.batch, kept = text_.tokens > 1 ? half_.length : 0, first = text_.tokens - kept;
  text_.tokens = 0;
  if (kept == 0) return;
  for (std::int64_t t = 0; t < kept; ++t)
    for (std::int64_t b = 0; b < rows; ++b) token_[b * kept + t] = window_[(first + t) * rows + b];
  std::copy_n(window_.data() + first * rows, kept * rows, window_.data());
  model_.read_on(ctx_, token_.view(rows * kept), half_, text_);
  ctx_.wait();
}

}  // namespace peer::model
