// The exact top K on CUDA beside the CPU's, and its backward.
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "peer/device/rounded_gemm.h"
#include "peer/ops/product_key_topk.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;
using Floats = Buffer<float>;
using Numbers = Buffer<std::int32_t>;

namespace {

constexpr std::int64_t kTokens = 50;

// Small whole numbers: their sums are exact in any order, and ties abound.
Floats random_whole(std::int64_t size, std::uint32_t subject) {
  Floats out = random_normal(size, subject, 1.5);
  for (std::int64_t i = 0; i < size; ++i) out[i] = std::round(out[i]);
  return out;
}

struct PickShape {
  std::int64_t tokens, heads, sets, half, side, open, best;
};

struct Picks {
  std::vector<std::int32_t> row, column;
  std::vector<float> score;
};

Picks picks_of(Context& ctx, const PickShape& s, const Floats& query, const Floats& rows, const Floats& columns) {
  const Floats q = copy_to(ctx, ctx.device(), query), r = copy_to(ctx, ctx.device(), rows), c = copy_to(ctx, ctx.device(), columns);
  const std::int64_t slots = s.tokens * s.heads * s.best;
  Numbers row(ctx.device(), slots), column(ctx.device(), slots);
  Floats score(ctx.device(), slots);
  ops::product_key_topk(
      ctx, {q.view(s.tokens, s.heads, 2, s.half), r.view(s.sets, s.side, s.half), c.view(s.sets, s.side, s.half), s.open,
            row.view(s.tokens, s.heads, s.best), column.view(s.tokens, s.heads, s.best), score.view(s.tokens, s.heads, s.best)});
  ctx.wait();
  return {{row.data(), row.data() + slots}, {column.data(), column.data() + slots}, {score.data(), score.data() + slots}};
}

// Of scores that no order of summation rounds; NaN is the same as NaN.
void check_same(const Picks& actual, const Picks& expected) {
  CHECK(actual.row == expected.row);
  CHECK(actual.column == expected.column);
  for (std::size_t i = 0; i < expected.score.size(); ++i)
    if (std::bit_cast<std::uint32_t>(actual.score[i]) != std::bit_cast<std::uint32_t>(expected.score[i]))
      FAIL("score " << i << " is " << actual.score[i] << ", not " << expected.score[i]);
}

}  // namespace

TEST_CASE("product_key_topk makes the same picks on both devices, whatever the ties, and its backward is the same") {
  constexpr std::int64_t kHeads = 2, kHalf = 8, kSide = 70, kOpen = 61, kBest = 6, kSlots = kTokens * kHeads * kBest;
  for (const std::int64_t sets : {std::int64_t{1}, kHeads})
    check_parity(
        [&](Context& ctx, Floats& query, Floats& rows, Floats& columns, Numbers& row, Numbers& column, Floats& score, Floats& dquery,
            Floats& drows, Floats& dcolumns) {
          const auto query_view = query.view(kTokens, kHeads, 2, kHalf);
          const auto row_keys = rows.view(sets, kSide, kHalf), column_keys = columns.view(sets, kSide, kHalf);
          const auto row_view = row.view(kTokens, kHeads, kBest), column_view = column.view(kTokens, kHeads, kBest);
          ops::product_key_topk(ctx, {query_view, row_keys, column_keys, kOpen, row_view, column_view, score.view(kTokens, kHeads, kBest)});
          ops::product_key_topk_backward(
              ctx, {query_view, row_keys, column_keys, row_view, column_view, score.view(kTokens, kHeads, kBest),
                    dquery.view(kTokens, kHeads, 2, kHalf), drows.view(sets, kSide, kHalf), dcolumns.view(sets, kSide, kHalf)});
        },
        random_whole(kTokens * kHeads * 2 * kHalf, 1), random_whole(sets * kSide * kHalf, 2), random_whole(sets * kSide * kHalf, 3),
        Numbers(kSlots), Numbers(kSlots), Floats(kSlots), Floats(kTokens * kHeads * 2 * kHalf), Floats(sets * kSide * kHalf),
        Floats(sets * kSide * kHalf));
}

TEST_CASE("product_key_topk makes the same picks on both devices wherever in a row of scores the best lie, for any K") {
  struct Shape {
    std::int64_t side, best;
    bool in_one_lane;  // of a warp: the best are 32 sub-keys apart
  };
  constexpr std::int64_t kRows = 6, kHalf = 4;
  for (const Shape shape : {Shape{1, 1, false}, Shape{20, 16, false}, Shape{64, 32, false}, Shape{1024, 16, false}, Shape{300, 40, false},
                            Shape{2500, 16, true}}) {
    INFO("n = " << shape.side << ", K = " << shape.best);
    const auto keys = [&](std::uint32_t subject) {
      Floats keys = random_whole(shape.side * kHalf, subject);
      for (std::int64_t i = 0; i < shape.side; ++i)
        for (std::int64_t j = 0; j < kHalf; ++j)
          if (shape.in_one_lane && i % 32 == 7) keys[i * kHalf + j] = 20 + static_cast<float>(i % 5);
      return keys;
    };
    Floats query = random_whole(kRows * 2 * kHalf, 9);
    for (std::int64_t i = 0; i < query.size(); ++i) query[i] = std::abs(query[i]) + 1;
    const std::int64_t slots = kRows * shape.best;
    check_parity(
        [&](Context& ctx, Floats& q, Floats& rows, Floats& columns, Numbers& row, Numbers& column, Floats& score) {
          ops::product_key_topk(
              ctx, {q.view(kRows, 1, 2, kHalf), rows.view(1, shape.side, kHalf), columns.view(1, shape.side, kHalf), shape.side,
                    row.view(kRows, 1, shape.best), column.view(kRows, 1, shape.best), score.view(kRows, 1, shape.best)});
        },
        std::move(query), keys(1), keys(2), Numbers(slots), Numbers(slots), Floats(slots));
  }
}

TEST_CASE("product_key_topk makes the same picks on both devices of any number of sub-keys, whatever their scores") {
  struct Shape {
    std::int64_t open, best;
  };
  // Rows of scores that end inside four numbers, inside a group of a warp's registers and behind several; sums of up to 8, 16, 32 and more.
  const Shape shapes[] = {{1, 1},    {5, 5},    {20, 7},   {31, 31},   {61, 9},   {129, 17}, {255, 33},
                          {257, 16}, {513, 32}, {602, 40}, {1023, 16}, {1025, 8}, {2050, 16}};
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::vector<float>> kinds = {{0, -0.0f},                      // all equal
                                                 {kNaN},                          // none to be had
                                                 {1, kNaN, kNaN, kNaN, kNaN, 2},  // fewer than K to be had
                                                 {kInfinity, -kInfinity, 3, kNaN, -3, 0},
                                                 {-kInfinity, -kInfinity, -kInfinity, 1}};
  constexpr std::int64_t kRows = 3, kHalf = 4;
  Context cpu, cuda(parse_device("cuda"));
  for (const Shape s : shapes)
    for (const std::vector<float>& kind : kinds) {
      INFO("open = " << s.open << ", K = " << s.best << ", scores of " << kind.size() << " kinds");
      Floats query = random_whole(kRows * 2 * kHalf, 9), rows(s.open * kHalf), columns(s.open * kHalf);
      for (std::int64_t i = 0; i < query.size(); ++i) query[i] = std::abs(query[i]) + 1;
      for (std::int64_t i = 0; i < rows.size(); ++i) {
        const std::int64_t key = i / kHalf;
        rows[i] = kind[static_cast<std::size_t>(key * 7 / 3) % kind.size()];
        columns[i] = kind[static_cast<std::size_t>(key) % kind.size()];
      }
      const PickShape shape{kRows, 1, 1, kHalf, s.open, s.open, s.best};
      check_same(picks_of(cuda, shape, query, rows, columns), picks_of(cpu, shape, query, rows, columns));
    }
}

TEST_CASE("product_key_topk makes the same picks on both devices of more scores than are ranked at a time") {
  constexpr std::int64_t kSide = 65536, kRows = 70, kHalf = 4;  // 18 MB a half
  const Floats query = random_whole(kRows * 2 * kHalf, 1), rows = random_normal(kSide * kHalf, 2), columns = random_whole(kSide * kHalf, 3);
  Floats quarters = copy_of(rows);  // whose products are exact
  for (std::int64_t i = 0; i < rows.size(); ++i) quarters[i] = std::round(64 * rows[i]) / 4;
  Context cpu, cuda(parse_device("cuda"));
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    const PrecisionScope scope(cuda, precision);
    const PickShape shape{kRows, 1, 1, kHalf, kSide, kSide - 1, 16};
    check_same(picks_of(cuda, shape, query, quarters, columns), picks_of(cpu, shape, query, quarters, columns));
  }
}

TEST_CASE("product_key_topk in bf16 splits its numbers: exact ones give the same picks, others scores of nearly fp32's accuracy") {
  Context cpu, cuda(parse_device("cuda"));
  const PrecisionScope scope(cuda, Precision::kBf16);
  struct Shape {
    std::int64_t sets, half;  // of 20, packs of eight are cut at a row's end
  };
  for (const Shape shape : {Shape{1, 24}, Shape{2, 24}, Shape{1, 20}, Shape{2, 20}}) {
    INFO("S = " << shape.sets << ", d_half = " << shape.half);
    const auto picks = [&](Context& ctx, bool whole) {
      const auto numbers = [&](std::int64_t size, std::uint32_t subject) {
        return whole ? random_whole(size, subject) : random_normal(size, subject);
      };
      constexpr std::int64_t kHeads = 2, kSide = 90;
      return picks_of(ctx, {kTokens, kHeads, shape.sets, shape.half, kSide, kSide - 3, 6}, numbers(kTokens * kHeads * 2 * shape.half, 1),
                      numbers(shape.sets * kSide * shape.half, 2), numbers(shape.sets * kSide * shape.half, 3));
    };
    check_same(picks(cuda, true), picks(cpu, true));
    const Picks expected = picks(cpu, false), actual = picks(cuda, false);
    std::size_t apart = 0;
    double largest = 0;
    for (std::size_t i = 0; i < expected.row.size(); ++i) {
      apart += expected.row[i] != actual.row[i] || expected.column[i] != actual.column[i];
      largest = std::max(largest, static_cast<double>(std::abs(expected.score[i] - actual.score[i])));
    }
    CHECK(largest <
          static_cast<double>(2 * shape.half) * 0x1p-15);  // of products of about 1, were all errors to add up; bf16 alone is at 2^-8
    CHECK(largest > 0);
    CHECK(apart <= expected.row.size() / 200);
  }
}

TEST_CASE("product_key_topk_backward is the same on both devices where a few sub-keys have most of the picks") {
  constexpr std::int64_t kQueries = 400, kHalf = 40, kSide = 9, kBest = 2, kSlots = kQueries * kBest;
  Numbers row = random_below<std::int32_t>(kSlots, 1, 2), column = random_below<std::int32_t>(kSlots, 2, kSide);
  check_parity(
      [&](Context& ctx, Floats& query, Floats& rows, Floats& columns, Numbers& r, Numbers& c, Floats& dscore, Floats& dquery, Floats& drows,
          Floats& dcolumns) {
        ops::product_key_topk_backward(
            ctx, {query.view(kQueries, 1, 2, kHalf), rows.view(1, kSide, kHalf), columns.view(1, kSide, kHalf), r.view(kQueries, 1, kBest),
                  c.view(kQueries, 1, kBest), dscore.view(kQueries, 1, kBest), dquery.view(kQueries, 1, 2, kHalf),
                  drows.view(1, kSide, kHalf), dcolumns.view(1, kSide, kHalf)});
      },
      random_normal(kQueries * 2 * kHalf, 3), random_normal(kSide * kHalf, 4), random_normal(kSide * kHalf, 5), std::move(row),
      std::move(column), random_normal(kSlots, 6), Floats(kQueries * 2 * kHalf), random_normal(kSide * kHalf, 7),
      random_normal(kSide * kHalf, 8));
}
