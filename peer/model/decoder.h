#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "peer/device/buffer.h"
#include "peer/model/model.h"

namespace peer::model {

// One view that reads B texts token by token and says what follows each. Keys and values of what it has read are kept (8 Hkv d bytes
// a token and layer), so a token costs one token's forward pass. When the window of T tokens is full, the older half leaves and the
// newer half is read again, each number then being that of a window that begins there: a token has between T/2 and T tokens of context.
class Decoder {
 public:
  // `rows`: B. The model must outlive the decoder and keep its weights.
  Decoder(Context& ctx, Model& model, int view, std::int64_t rows);

  // token (B): reads one more token of every text. Returns logits (B, V) of the token that follows, for the host, valid until the next
  // call.
  peer::View<const float, 2> read(peer::View<const std::int32_t, 1> token);
  // token (B, chunk()): reads so many more tokens of every text at once, what read() would read one after the other, up to rounding. Only
  // while the texts hold a multiple of chunk() tokens. `see` gets the logits (n, V) of tokens [first, first + n) of the B * chunk(), piece
  // by piece.
  using Pieces = std::function<void(std::int64_t first, peer::View<const float, 2> logits)>;
  void read_chunk(peer::View<const std::int32_t, 2> token, const Pieces& see);
  std::int64_t chunk() const { return half_.length; }
  void restart();  // nothing was read

 private:
  void drop_older_half();

  Context& ctx_;
  Model& model_;
  Activations one_, half_;            // (B, 1) and (B, T/2) tokens
  ReadText text_;                     // of up to T tokens
  Buffer<std::int32_t> token_;        // (B, T/2)  on the device
  std::vector<std::int32_t> window_;  // (T, B)  the tokens that text_ holds
};

}  // namespace peer::model
