// The gradient of one expert's record from the tokens that picked it, on the CPU.
#pragma once

#include <algorithm>

#include "peer/ops/row_kernels.h"

namespace peer::ops {

// gradient (2D) = [ddown | dup] of segment u.   Op: ExpertRowGradient or ExpertRowUpdate.
template <class Op>
void sum_segment(const Op& op, std::int64_t u, float* gradient) {
  const std::int64_t width = op.x.shape[1], picks = op.dhidden.shape[1], begin = op.begin[u], count = op.begin[u + 1] - begin;
  float *ddown = gradient, *dup = gradient + width;
  if (count == 1) {  // most rows of a large pool
    const std::int32_t slot = op.order[begin];
    set_row(ddown, width, op.x.row(slot / picks), op.dhidden.data[slot]);
    set_row(dup, width, op.dy.row(slot / picks), op.up_weight.data[slot]);
    return;
  }
  const auto token_of = [&](std::int64_t i) { return op.order[begin + i] / picks; };
  std::fill_n(gradient, 2 * width, 0.0f);
  add_rows(
      ddown, width, count, [&](std::int64_t i) { return op.x.row(token_of(i)); },
      [&](std::int64_t i) { return op.dhidden.data[op.order[begin + i]]; });
  add_rows(
      dup, width, count, [&](std::int64_t i) { return op.dy.row(token_of(i)); },
      [&](std::int64_t i) { return op.up_weight.data[op.order[begin + i]]; });
}

}  // namespace peer::ops
