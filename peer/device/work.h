// What an op has to do: its arithmetic, and the bytes that it cannot avoid moving. Said beside each op's arguments, as work(op).
#pragma once

#include "peer/base/view.h"

namespace peer {

// Additions and multiplications in fp32 (a comparison, root, division or exponential counts as one) and in bf16 products with fp32 sums;
// every operand read once and every result written once, whatever the caches make of it.
struct Work {
  double flops = 0, bf16_flops = 0, bytes = 0;

  Work& operator+=(const Work& other) {
    flops += other.flops, bf16_flops += other.bf16_flops, bytes += other.bytes;
    return *this;
  }
};

// How many numbers a view shows; an empty one shows none.
template <class T, int Rank>
double numbers(const View<T, Rank>& view) {
  return view.empty() ? 0.0 : static_cast<double>(view.size());
}

template <class... Views>
double view_bytes(const Views&... views) {
  return (0.0 + ... + (numbers(views) * sizeof(*views.data)));
}

}  // namespace peer
