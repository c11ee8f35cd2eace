#include <algorithm>
#include <limits>
#include <vector>

#include "peer/ops/embedding.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/query_norm.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;
using Floats = Buffer<float>;
using Numbers = Buffer<std::int32_t>;

namespace {

struct Shape {
  std::int64_t tokens, heads, half, side, best, sets;
  std::int64_t slots() const { return tokens * heads * best; }
  std::int64_t query_size() const { return tokens * heads * 2 * half; }
  std::int64_t key_size() const { return sets * side * half; }
};

// Both gradients of the scores over the picks given; `offset` numbers into memory, so that nothing begins at a multiple of 16 bytes.
void check_backward(const Shape& s, Numbers row, Numbers column, std::int64_t offset = 0, bool rows_trained = true,
                    bool columns_trained = true) {
  const auto moved = [&](Floats& memory) { return memory.data() + offset; };
  const auto by_half = [&](float* data) { return View<float, 4>(data, s.tokens, s.heads, std::int64_t{2}, s.half); };
  const auto by_set = [&](float* data) { return View<float, 3>(data, s.sets, s.side, s.half); };
  const auto by_pick = [&](auto& buffer) { return buffer.view(s.tokens, s.heads, s.best); };
  check_parity(
      [&](Context& ctx, Floats& query, Floats& rows, Floats& columns, Numbers& r, Numbers& c, Floats& dscore, Floats& dquery, Floats& drows,
          Floats& dcolumns) {
        ops::product_key_topk_backward(
            ctx, {by_half(moved(query)), by_set(moved(rows)), by_set(moved(columns)), by_pick(r), by_pick(c), by_pick(dscore),
                  by_half(moved(dquery)), rows_trained ? by_set(moved(drows)) : View<float, 3>{},
                  columns_trained ? by_set(moved(dcolumns)) : View<float, 3>{}});
      },
      random_normal(s.query_size() + offset, 3), random_normal(s.key_size() + offset, 4), random_normal(s.key_size() + offset, 5),
      std::move(row), std::move(column), random_normal(s.slots(), 6), Floats(s.query_size() + offset),
      random_normal(s.key_size() + offset, 7), random_normal(s.key_size() + offset, 8));
}

Numbers random_picks(const Shape& s, std::uint32_t subject, std::int64_t bound) {
  return random_below<std::int32_t>(s.slots(), subject, bound);
}

}  // namespace

TEST_CASE("product_key_topk_backward is the same on both devices for any width, whether lanes take one, two or four numbers") {
  for (const std::int64_t half : {1, 3, 20, 32, 36, 64, 66, 68, 100, 128, 130, 132, 300})
    for (const std::int64_t sets : {1, 3}) {
      INFO("d_half = " << half << ", S = " << sets);
      const Shape s{.tokens = 7, .heads = 3, .half = half, .side = 11, .best = 5, .sets = sets};
      check_backward(s, random_picks(s, 1, s.side), random_picks(s, 2, s.side));
    }
}

TEST_CASE("product_key_topk_backward is the same on both devices where no row begins at a multiple of 16 bytes") {
  for (const std::int64_t offset : {1, 2}) {
    const Shape s{.tokens = 7, .heads = 3, .half = 128, .side = 11, .best = 5, .sets = 1};
    check_backward(s, random_picks(s, 1, s.side), random_picks(s, 2, s.side), offset);
  }
}

TEST_CASE("product_key_topk_backward is the same on both devices for any K, also where a query picks one sub-key with all of them") {
  for (const std::int64_t best : {1, 2, 8, 9, 16, 31, 32, 33, 40, 70})
    for (const std::int64_t different : {std::int64_t{1}, std::int64_t{3}, std::int64_t{90}}) {
      INFO("K = " << best << " of " << different);
      const Shape s{.tokens = 5, .heads = 2, .half = 12, .side = 90, .best = best, .sets = 2};
      check_backward(s, random_picks(s, 1, different), random_picks(s, 2, different));
    }
}

// 256 places are one warp's: runs that end at, before and behind a window's end, that fill several, and that nobody picks.
TEST_CASE("product_key_topk_backward is the same on both devices however many queries pick a sub-key") {
  for (const std::vector<std::int64_t>& picks : {std::vector<std::int64_t>{256, 256, 1},
                                                 {257, 255, 1},
                                                 {1, 257, 254},
                                                 {255, 1, 0, 600, 3},
                                                 {2000},
                                                 {100, 2, 300, 300, 0, 300, 700}}) {
    std::int64_t tokens = 0;
    for (const std::int64_t count : picks) tokens += count;
    const Shape s{.tokens = tokens, .heads = 1, .half = 8, .side = 9, .best = 1, .sets = 1};
    Numbers row(tokens);
    std::int64_t n = 0;
    for (std::size_t key = 0; key < picks.size(); ++key)
      for (std::int64_t i = 0; i < picks[key]; ++i) row[n++ * 7919 % tokens] = static_cast<std::int32_t>(key);
    check_backward(s, std::move(row), random_picks(s, 2, 2));
  }
}

TEST_CASE("product_key_topk_backward leaves frozen keys as they are on both devices, of either half or of both") {
  const Shape s{.tokens = 40, .heads = 2, .half = 40, .side = 10, .best = 6, .sets = 2};
  for (const bool rows_trained : {false, true})
    for (const bool columns_trained : {false, true})
      check_backward(s, random_picks(s, 1, s.side), random_picks(s, 2, s.side), 0, rows_trained, columns_trained);
}

TEST_CASE("product_key_topk_backward of no tokens changes nothing on either device") {
  const Shape s{.tokens = 0, .heads = 2, .half = 4, .side = 3, .best = 2, .sets = 1};
  check_backward(s, Numbers(0), Numbers(0));
}

TEST_CASE("product_key_topk_backward gives the same bits twice on a device, and a dscore that is none spoils only what it is picked for") {
  const Shape s{.tokens = 900, .heads = 1, .half = 64, .side = 4, .best = 2, .sets = 1};
  Context cuda(parse_device("cuda"));
  const auto drows_of = [&](float first_dscore) {
    const auto on_device = [&](auto buffer) { return copy_to(cuda, cuda.device(), buffer); };
    Floats dscore = random_normal(s.slots(), 6);
    dscore[0] = first_dscore;
    Numbers row = random_picks(s, 1, 3);
    row[0] = 3;
    for (std::int64_t i = 1; i < row.size(); ++i) row[i] = std::min(row[i], 2);
    const Floats query = on_device(random_normal(s.query_size(), 3)), keys = on_device(random_normal(s.key_size(), 4)),
                 d = on_device(std::move(dscore));
    const Numbers r = on_device(std::move(row)), c = on_device(random_picks(s, 2, s.side));
    Floats dquery(cuda.device(), s.query_size()), drows(cuda.device(), s.key_size()), dcolumns(cuda.device(), s.key_size());
    ops::product_key_topk_backward(
        cuda, {query.view(s.tokens, 1, 2, s.half), keys.view(1, s.side, s.half), keys.view(1, s.side, s.half), r.view(s.tokens, 1, s.best),
               c.view(s.tokens, 1, s.best), d.view(s.tokens, 1, s.best), dquery.view(s.tokens, 1, 2, s.half), drows.view(1, s.side, s.half),
               dcolumns.view(1, s.side, s.half)});
    return copy_to(cuda, Device{}, drows);
  };
  const Floats once = drows_of(0.5f), again = drows_of(0.5f), spoilt = drows_of(std::numeric_limits<float>::quiet_NaN());
  CHECK(same_bits(once, again));
  for (std::int64_t i = 0; i < s.key_size(); ++i)
    if (i < 3 * s.half)
      CHECK(spoilt[i] == once[i]);
    else
      CHECK(spoilt[i] != spoilt[i]);
}

TEST_CASE("embedding_backward is the same on both devices for any width and where one id has most of the tokens") {
  constexpr std::int64_t kTokens = 1300, kIds = 5;
  for (const std::int64_t width : {1, 34, 64, 140}) {
    Numbers id = random_below<std::int32_t>(kTokens, 1, kIds);
    for (std::int64_t n = 0; n < 900; ++n) id[n] = 2;
    check_parity(
        [&](Context& ctx, Numbers& ids, Floats& dx, Floats& dtable) {
          ops::embedding_backward(ctx, {ids.view(kTokens), dx.view(kTokens, width), dtable.view(kIds, width)});
        },
        std::move(id), random_normal(kTokens * width, 2), random_normal(kIds * width, 3));
  }
}

TEST_CASE("query_norm and its backward are the same on both devices for any width of a head and any number of tokens") {
  using enum QueryNormKind;
  struct Size {
    std::int64_t tokens, heads, width;
  };
  for (const Size size : {Size{1, 2, 128}, Size{17, 1, 3}, Size{300, 2, 66}, Size{600, 1, 132}, Size{8500, 1, 5}})
    for (const bool own : {false, true})
      for (const bool trained : {false, true})
        for (const QueryNormKind kind : {kBatch, kLayer, kRms}) {
          if (own && (kind != kBatch || size.tokens == 1)) continue;  // the norm of a single token is its rounding noise
          INFO("N = " << size.tokens << ", d_key = " << size.width << ", kind " << static_cast<int>(kind) << ", own " << own);
          const std::int64_t columns = size.heads * size.width, count = size.tokens * columns;
          const auto queries = [&](Floats& b) { return b.view(size.tokens, size.heads, size.width); };
          const auto statistics = own ? ops::Statistics::kBatch : ops::Statistics::kFrozen;
          check_parity(
              [&](Context& ctx, Floats& q, Floats& weight, Floats& bias, Floats& running_mean, Floats& running_variance, Floats& y,
                  Floats& mean, Floats& inverse_std, Floats& dy, Floats& dq, Floats& dweight, Floats& dbias) {
                ops::query_norm(
                    ctx, {kind, statistics, queries(q), weight.view(columns), bias.view(columns), 1e-5f, 0.1f, running_mean.view(columns),
                          running_variance.view(columns), queries(y), mean.view(mean.size()), inverse_std.view(mean.size())});
                ops::query_norm_backward(
                    ctx, {kind, statistics, queries(q), weight.view(columns), mean.view(mean.size()), inverse_std.view(mean.size()),
                          queries(dy), queries(dq), trained ? dweight.view(columns) : View<float, 1>{},
                          trained && kind != kRms ? dbias.view(columns) : View<float, 1>{}});
              },
              random_normal(count, 1, 2, 1), random_normal(columns, 2), random_normal(columns, 3), random_normal(columns, 4),
              filled<float>(columns, 0.75f), Floats(count), Floats(std::max(columns, size.tokens * size.heads)),
              Floats(std::max(columns, size.tokens * size.heads)), random_normal(count, 7), Floats(count), random_normal(columns, 5),
              random_normal(columns, 6));
        }
}
