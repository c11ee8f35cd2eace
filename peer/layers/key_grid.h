// Product-key geometry: how the cells of an n x n grid are numbered, so that growth renames nothing.
//
//   shells:   0 1 4 9     cell (r, c) has the number m^2 + m + r - c with m = max(r, c), so an n x n grid owns exactly [0, n^2)
//             3 2 5 10    and growing to (n+1) x (n+1) appends 2n+1 numbers.
//             8 7 6 11
#pragma once

#include <cmath>
#include <cstdint>

namespace peer::layers {

struct GridCell {
  std::int64_t row = 0, column = 0;
  friend bool operator==(const GridCell&, const GridCell&) = default;
};

inline std::int64_t shell_number(std::int64_t row, std::int64_t column) {
  const std::int64_t m = row > column ? row : column;
  return m * m + m + row - column;
}

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
