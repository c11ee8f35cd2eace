// How the CPU twins write a row of an OperandTarget: what is written is settled before the loop, so that the loop becomes vectors.
#pragma once

#include <cstdint>

#include "peer/device/operand.h"
#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

struct ExactRow {
  float* exact;
  void set(std::int64_t i, float value) const { exact[i] = value; }
};
struct RoundedRow {
  Bfloat16* rounded;
  void set(std::int64_t i, float value) const { rounded[i].bits = bfloat16_of(value); }
};
struct BothRows {
  float* exact;
  Bfloat16* rounded;
  void set(std::int64_t i, float value) const { exact[i] = value, rounded[i].bits = bfloat16_of(value); }
};

// write(row, more...) with row n of each target, all of which are written in the same way.
template <class Write, class... Targets>
void with_rows(std::int64_t n, Write write, const OperandTarget& first, const Targets&... more) {
  if (first.rounded.empty()) return write(ExactRow{first.exact.row(n)}, ExactRow{more.exact.row(n)}...);
  if (first.exact.empty()) return write(RoundedRow{first.rounded.row(n)}, RoundedRow{more.rounded.row(n)}...);
  write(BothRows{first.exact.row(n), first.rounded.row(n)}, BothRows{more.exact.row(n), more.rounded.row(n)}...);
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
