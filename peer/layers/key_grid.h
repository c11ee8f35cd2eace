// Which cell has a number (peer/ops/shell_number.h), and how large a grid is needed.
#pragma once

#include <cmath>
#include <cstdint>

#include "peer/ops/shell_number.h"

namespace peer::layers {

struct GridCell {
  std::int64_t row = 0, column = 0;
  friend bool operator==(const GridCell&, const GridCell&) = default;
};

using ops::shell_number;

inline GridCell shell_cell(std::int64_t number) {
  auto m = static_cast<std::int64_t>(std::sqrt(static_cast<double>(number)));
  while (m * m > number) --m;  // the square root of a large number may round either way
  while ((m + 1) * (m + 1) <= number) ++m;
  const std::int64_t offset = number - m * m - m;  // row - column
  return offset < 0 ? GridCell{m + offset, m} : GridCell{m, m - offset};
}

// The smallest n with n*n >= experts.
inline std::int64_t grid_side(std::int64_t experts) {
  auto n = static_cast<std::int64_t>(std::sqrt(static_cast<double>(experts)));
  while (n * n >= experts && n > 0) --n;  // the square root of a large number may round either way
  while (n * n < experts) ++n;
  return n;
}

}  // namespace peer::layers
