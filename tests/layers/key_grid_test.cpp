#include "peer/layers/key_grid.h"

#include <set>

#include "tests/support/catch.h"

using namespace peer::layers;

TEST_CASE("an n x n grid owns exactly the numbers below n*n, for every n") {
  for (std::int64_t n = 1; n <= 40; ++n) {
    std::set<std::int64_t> numbers;
    for (std::int64_t r = 0; r < n; ++r)
      for (std::int64_t c = 0; c < n; ++c) numbers.insert(shell_number(r, c));
    CHECK(static_cast<std::int64_t>(numbers.size()) == n * n);
    CHECK(*numbers.begin() == 0);
    CHECK(*numbers.rbegin() == n * n - 1);
  }
}

TEST_CASE("a cell's number tells its cell again, also in grids of a billion experts") {
  for (std::int64_t number = 0; number < 5000; ++number) CHECK(shell_number(shell_cell(number).row, shell_cell(number).column) == number);
  const std::int64_t n = 1 << 15;
  for (const GridCell cell : {GridCell{n - 1, 0}, GridCell{0, n - 1}, GridCell{n - 1, n - 1}, GridCell{n - 1, n - 2}})
    CHECK(shell_cell(shell_number(cell.row, cell.column)) == cell);
}

TEST_CASE("the side of a grid is the smallest that holds the experts") {
  CHECK(grid_side(1) == 1);
  CHECK(grid_side(256) == 16);
  CHECK(grid_side(257) == 17);
}
