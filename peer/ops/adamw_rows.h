#pragma once

#include <cstdint>

#include "peer/base/philox.h"
#include "peer/base/view.h"
#include "peer/device/context.h"
#include "peer/ops/adamw.h"
#include "peer/ops/expert_rows.h"

namespace peer::ops {

// How the rows of a block are updated. Rows of bf16 are updated in fp32 and rounded stochastically (element.h), by random bits of
// (rounding, step, expert, column).
struct RowRule {
  AdamwRates rates;
  float clip = 0;                          // the norm that a row's gradient is shortened to; 0: as it is
  const StepState* now = nullptr;          // on the op's device
  Random rounding{0, Purpose::kRounding};  // another stream for each block
  constexpr std::uint64_t rounding_key() const { return rounding.bits(static_cast<std::uint64_t>(now->step - 1)); }
};

// AdamW on the picked, trainable expert records, each with its own step count t (times it was updated); no decay or momentum touches
// another row. Frozen pages are skipped. Marks pages dirty. A record is [down | up | m (2D) | v (2D) | t].
// Deterministic for any number of threads.
struct AdamwRows {
  RowRule rule;
  View<const std::int64_t, 1> expert;  // (C)      different experts; on a device -1 is none
  View<const float, 2> gradient;       // (C, 2D)  [ddown | dup]
  ExpertRows rows;                     // updated in place
};
// Of a number of records that are read and written.
inline Work row_update_work(const ExpertRows& rows, double records) {
  const double numbers = records * 2.0 * static_cast<double>(rows.width);
  return {.flops = (kAdamwFlops + 2) * numbers,
          .bytes = 2 * (records * static_cast<double>(rows.parameter_bytes()) + 4 * (2 * numbers + records))};
}
inline double trainable_records(const ExpertRows& rows, View<const std::int64_t, 1> expert) {
  std::int64_t trainable = 0;
  for (std::int64_t c = 0; c < expert.size(); ++c) trainable += expert[c] >= 0 && rows.page_of(expert[c]).trainable;
  return static_cast<double>(trainable);
}
inline Work work(const AdamwRows& op) {
  const double trainable = trainable_records(op.rows, op.expert);
  Work work = row_update_work(op.rows, trainable);
  work.bytes += view_bytes(op.expert) + 8 * trainable * static_cast<double>(op.rows.width);
  return work;
}
// Throws ContractError where a trainable page has no dirty flag or no room for the optimizer's state. Pages are of the host.
void require_room_for_state(const ExpertRows& rows);
void adamw_rows(Context& ctx, const AdamwRows& op);

}  // namespace peer::ops
