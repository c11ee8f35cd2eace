#include "peer/ops/tile_product.h"

#include <vector>

#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::ops;
using namespace peer::test;

namespace {

struct Shape {
  std::int64_t rows, steps, columns;
};
const Shape kShapes[] = {
    {1, 1, 1}, {kTileRows, 5, kTileColumns}, {kTileRows + 3, 17, kTileColumns + kVectorLanes + 1}, {2, 40, 7}, {23, 3, 3 * kTileColumns}};

std::vector<double> product(const Shape& s, const Buffer<float>& a, const Buffer<float>& b) {
  std::vector<double> c(static_cast<std::size_t>(s.rows * s.columns));
  for (std::int64_t r = 0; r < s.rows; ++r)
    for (std::int64_t j = 0; j < s.columns; ++j)
      for (std::int64_t k = 0; k < s.steps; ++k)
        c[static_cast<std::size_t>(r * s.columns + j)] +=
            static_cast<double>(a[r * s.steps + k]) * static_cast<double>(b[k * s.columns + j]);
  return c;
}

}  // namespace

TEST_CASE("small_product is the product of the matrices, set or added, whether A lies row by row or transposed") {
  for (const Shape& s : kShapes)
    for (const bool transposed : {false, true})
      for (const bool add : {false, true}) {
        const Buffer<float> a = random_normal(s.rows * s.steps, 1), b = random_normal(s.steps * s.columns, 2);
        Buffer<float> flipped(a.size());
        for (std::int64_t r = 0; r < s.rows; ++r)
          for (std::int64_t k = 0; k < s.steps; ++k) flipped[k * s.rows + r] = a[r * s.steps + k];
        Buffer<float> c = filled<float>(s.rows * s.columns, 0.5f);
        const TileOperand operand = transposed ? TileOperand{flipped.data(), 1, s.rows} : TileOperand{a.data(), s.steps};
        small_product(operand, s.rows, s.steps, {b.data(), s.columns}, s.columns, {c.data(), s.columns}, add);
        std::vector<double> expected = product(s, a, b);
        for (double& v : expected) v += add ? 0.5 : 0.0;
        CHECK(relative_error(c, expected) < 2e-6);
      }
}

TEST_CASE("panel_product multiplies with the transpose of what was packed, and zeros where nothing was") {
  for (const std::int64_t keys : {std::int64_t{1}, kTileColumns, 2 * kTileColumns + 5})
    for (const std::int64_t width : {1, 6, 32}) {
      const std::int64_t padded = panels_of(keys) * kTileColumns, rows = kTileRows - 1;
      const Buffer<float> q = random_normal(rows * width, 1), k = random_normal(keys * width, 2);
      Buffer<float> panels = filled<float>(panel_numbers(keys, width), 7.0f), c = filled<float>(rows * padded, 7.0f);
      pack_transposed({k.data(), width}, keys, width, panels.data());
      panel_product({q.data(), width}, rows, width, panels.data(), keys, {c.data(), padded});
      std::vector<double> expected(static_cast<std::size_t>(rows * padded));
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t s = 0; s < keys; ++s)
          for (std::int64_t i = 0; i < width; ++i)
            expected[static_cast<std::size_t>(r * padded + s)] +=
                static_cast<double>(q[r * width + i]) * static_cast<double>(k[s * width + i]);
      CHECK(relative_error(c, expected) < 2e-6);
      for (std::int64_t s = keys; s < padded; ++s) CHECK(c[s] == 0.0f);
    }
}
