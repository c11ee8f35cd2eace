// Product-key geometry: how the cells of an n x n grid are numbered, so that growth renames nothing.
//
//   shells:   0 1 4 9     cell (r, c) has the number m^2 + m + r - c with m = max(r, c), so an n x n grid owns exactly [0, n^2)
//             3 2 5 10    and growing to (n+1) x (n+1) appends 2n+1 numbers.
//             8 7 6 11
#pragma once

#include <cstdint>

namespace peer::ops {

constexpr std::int64_t shell_number(std::int64_t row, std::int64_t column) {
  const std::int64_t m = row > column ? row : column;
  return m * m + m + row - column;
}

}  // namespace peer::ops
