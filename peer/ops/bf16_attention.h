#pragma once

#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "peer/ops/attention.h"

namespace peer::ops::cuda {

// Attention's CUDA twin on tensor cores, where ctx's precision is bf16: q, k, v and dy, the softmax's weights and their gradients are
// rounded to the nearest bf16 where they are multiplied; their products' sums, the softmax and lse are fp32. Deterministic.
// (Dao 2023, FlashAttention-2)   Requires: takes_bf16(ctx, op).
void bf16_attention(Context& ctx, const Attention& op);
void bf16_attention_backward(Context& ctx, const AttentionBackward& op, View<const float, 3> dy_y);  // (B, Hq, T)  <dy, y>

// Calls launch(std::integral_constant<int, width>()) and returns true where there are kernels for heads of this width.
template <class Launch>
bool for_bf16_width(std::int64_t width, Launch launch) {
  switch (width) {
    case 16:
      return launch(std::integral_constant<int, 16>()), true;
    case 32:
      return launch(std::integral_constant<int, 32>()), true;
    case 64:
      return launch(std::integral_constant<int, 64>()), true;
    case 96:
      return launch(std::integral_constant<int, 96>()), true;
    case 128:
      return launch(std::integral_constant<int, 128>()), true;
    default:
      return false;
  }
}

// The kernels move four numbers at a time: every tensor must begin at a multiple of 16 bytes, as a Buffer does.
inline bool takes_bf16(const Context& ctx, std::int64_t width, std::initializer_list<const float*> tensors) {
  for (const float* data : tensors)
    if (reinterpret_cast<std::uintptr_t>(data) % 16 != 0) return false;
  return ctx.precision() == Precision::kBf16 && for_bf16_width(width, [](auto) {});
}
inline bool takes_bf16(const Context& ctx, const Attention& op) {
  return takes_bf16(ctx, op.q.shape[3], {op.q.data, op.k.data, op.v.data, op.y.data});
}
inline bool takes_bf16(const Context& ctx, const AttentionBackward& op) {
  return takes_bf16(ctx, op.q.shape[3], {op.q.data, op.k.data, op.v.data, op.dy.data, op.dq.data, op.dk.data, op.dv.data});
}

}  // namespace peer::ops::cuda
