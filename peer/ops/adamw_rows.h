#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/adamw.h"
#include "peer/ops/expert_rows.h"

namespace peer::ops {

// AdamW on the picked, trainable expert records, each with its own step count t (times it was updated); no decay or momentum touches
// another row. The row's gradient is first clipped to the norm `clip` (0: no clip). Frozen pages are skipped. Marks pages dirty.
// A record is [down | up | m (2D) | v (2D) | t]. Rows of bf16 are updated in fp32 and rounded stochastically (element.h), by random bits of
// (rounding, expert, column). Deterministic for any number of threads.
struct AdamwRows {
  AdamwRates rates;
  float clip = 0;
  View<const std::int64_t, 1> expert;  // (C)      different experts; on a device -1 is none
  View<const float, 2> gradient;       // (C, 2D)  [ddown | dup]
  ExpertRows rows;                     // updated in place
  std::uint64_t rounding = 0;          // another number for each block and step
};
inline Work work(const AdamwRows& op) {
  std::int64_t trainable_rows = 0;
  for (std::int64_t c = 0; c < op.expert.size(); ++c) trainable_rows += op.rows.page_of(op.expert[c]).trainable;
  const auto trainable = static_cast<double>(trainable_rows), numbers = trainable * 2.0 * static_cast<double>(op.rows.width);
  return {.flops = (kAdamwFlops + 2) * numbers,
          .bytes = view_bytes(op.expert) + 4 * numbers +
                   2 * (trainable * static_cast<double>(op.rows.parameter_bytes()) + 4 * (2 * numbers + trainable))};
}
void adamw_rows(Context& ctx, const AdamwRows& op);

}  // namespace peer::ops
