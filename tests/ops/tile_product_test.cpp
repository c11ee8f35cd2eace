#include "peer/ops/tile_product.h"

#include <vector>

#include "peer/ops/step_pack.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::ops;
using namespace peer::test;

namespace {

// Numbers that bf16 holds exactly, so that one oracle serves both kinds of steps.
Buffer<float> numbers(std::int64_t count, std::uint64_t seed) {
  Buffer<float> x = random_normal(count, seed);
  for (std::int64_t i = 0; i < count; ++i) x[i] = Bfloat16{bfloat16_of(x[i])};
  return x;
}
Buffer<Step> room(std::int64_t count) { return filled<Step>(count, Step{0x7fc07fc0}); }  // NaN, of fp32 as of bf16

Buffer<float> transposed(const Buffer<float>& x, std::int64_t rows, std::int64_t columns) {
  Buffer<float> out(x.size());
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c) out[c * rows + r] = x[r * columns + c];
  return out;
}

// c[r, j] = sum_s a[r, s] b[s, j]
std::vector<double> product(const Buffer<float>& a, const Buffer<float>& b, std::int64_t rows, std::int64_t steps, std::int64_t columns) {
  std::vector<double> c(static_cast<std::size_t>(rows * columns));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < columns; ++j)
      for (std::int64_t s = 0; s < steps; ++s)
        c[static_cast<std::size_t>(r * columns + j)] += static_cast<double>(a[r * steps + s]) * static_cast<double>(b[s * columns + j]);
  return c;
}

template <class Steps>
void check_row_product(std::int64_t depth, std::int64_t columns, bool flipped, bool add) {
  const std::int64_t steps = Steps::count(depth), all = steps * Steps::kNumbers, wide = whole_vectors(columns);
  const Buffer<float> a = numbers(kTileRows * depth, 1), b = numbers(depth * columns, 2), a_flipped = transposed(a, kTileRows, depth);
  Buffer<Step> a_steps = room(kTileRows * row_steps<Steps>(depth)), across = room(steps * whole_vectors(kTileRows)),
               b_steps = room(steps * wide);
  pack_along<Steps>({a.data(), depth}, kTileRows, kTileRows, depth, a_steps.data());
  pack_across<Steps>({a_flipped.data(), kTileRows}, depth, all, kTileRows, across.data());
  pack_across<Steps>({b.data(), columns}, depth, all, columns, b_steps.data());
  Buffer<float> c = filled<float>(kTileRows * wide, 0.5f);
  const TileOperand operand =
      flipped ? TileOperand{across.data(), 1, whole_vectors(kTileRows)} : TileOperand{a_steps.data(), row_steps<Steps>(depth)};
  tile_row_product<Steps>(operand, steps, {b_steps.data(), wide}, wide, {c.data(), wide}, add);
  const std::vector<double> expected = product(a, b, kTileRows, depth, columns);
  for (std::int64_t r = 0; r < kTileRows; ++r)
    for (std::int64_t j = 0; j < wide; ++j) {
      const double sum = j < columns ? expected[static_cast<std::size_t>(r * columns + j)] : 0;
      CHECK(c[r * wide + j] == Approx(sum + (add ? 0.5 : 0)).margin(1e-5));
    }
}

template <class Steps>
void check_panel_product(std::int64_t keys, std::int64_t width) {
  const std::int64_t padded = padded_rows(keys), steps = Steps::count(width), row = row_steps<Steps>(width);
  const Buffer<float> q = numbers(kTileRows * width, 1), k = numbers(keys * width, 2);
  Buffer<Step> panels = room(padded * steps), q_steps = room(kTileRows * row);
  Buffer<float> c = filled<float>(kTileRows * padded, 7.0f);
  pack_along<Steps>({q.data(), width}, kTileRows - 1, kTileRows, width, q_steps.data());
  pack_panels<Steps>({k.data(), width}, keys, padded, width, panels.data());
  const std::int64_t columns = whole_vectors(keys);
  panel_product<Steps>({q_steps.data(), row}, steps, panels.data(), columns, {c.data(), padded});
  const std::vector<double> expected = product(q, transposed(k, keys, width), kTileRows - 1, width, keys);
  for (std::int64_t r = 0; r < kTileRows; ++r)
    for (std::int64_t s = 0; s < columns; ++s) {
      const bool there = r < kTileRows - 1 && s < keys;
      CHECK(c[r * padded + s] == Approx(there ? expected[static_cast<std::size_t>(r * keys + s)] : 0).margin(1e-5));
    }
}

}  // namespace

TEST_CASE("tile_row_product is the product of the matrices, set or added, whether A lies row by row or transposed") {
  for (const auto& [depth, columns] : {std::pair<std::int64_t, std::int64_t>{1, 1},
                                       {5, kTileColumns},
                                       {17, kTileColumns + kVectorLanes + 1},
                                       {40, 7},
                                       {4, 3 * kTileColumns}})
    for (const bool flipped : {false, true})
      for (const bool add : {false, true}) {
        CAPTURE(depth, columns, flipped, add);
        check_row_product<Fp32Steps>(depth, columns, flipped, add);
        check_row_product<Bf16Steps>(depth, columns, flipped, add);
      }
}

TEST_CASE("panel_product multiplies with the transpose of what was packed, and zeros where nothing was") {
  for (const std::int64_t keys : {std::int64_t{1}, kTileColumns, 2 * kTileColumns + 5})
    for (const std::int64_t width : {1, 6, 32, 40}) {
      CAPTURE(keys, width);
      check_panel_product<Fp32Steps>(keys, width);
      check_panel_product<Bf16Steps>(keys, width);
    }
}
