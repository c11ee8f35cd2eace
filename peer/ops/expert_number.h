#pragma once

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Which expert lies in each picked cell of a product-key grid: id = shell_number(row, column).
struct ExpertNumber {
  View<const std::int32_t, 1> row;     // (n)
  View<const std::int32_t, 1> column;  // (n)
  View<std::int64_t, 1> id;            // (n)  set
};
inline Work work(const ExpertNumber& op) { return {.bytes = view_bytes(op.row, op.column, op.id)}; }
void expert_number(Context& ctx, const ExpertNumber& op);

}  // namespace peer::ops
