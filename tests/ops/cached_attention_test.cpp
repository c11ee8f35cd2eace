#include "peer/ops/cached_attention.h"

#include <cstring>

#include "peer/base/error.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using reference::AttentionShape;

namespace {

// The last `fresh` tokens of a text of s.time tokens; the cache has `spare` rows behind it, which hold NaN.
struct Case {
  AttentionShape s;
  std::int64_t fresh, spare;
  Buffer<float> q = random_normal(s.query_size(), 1, 2), k = random_normal(s.key_size(), 2), v = random_normal(s.key_size(), 3);
  Buffer<float> key = cached(k), value = cached(v), last = latest(), y = filled(last.size(), std::numeric_limits<float>::quiet_NaN());

  std::int64_t capacity() const { return s.time + spare; }
  std::int64_t query_row() const { return s.query_heads * s.width; }
  std::int64_t key_row() const { return s.key_heads * s.width; }
  Buffer<float> cached(const Buffer<float>& rows) const {
    Buffer<float> cache = filled(s.batch * capacity() * key_row(), std::numeric_limits<float>::quiet_NaN());
    for (std::int64_t b = 0; b < s.batch; ++b)
      std::memcpy(cache.data() + b * capacity() * key_row(), rows.data() + b * s.time * key_row(),
                  static_cast<std::size_t>(s.time * key_row()) * sizeof(float));
    return cache;
  }
  Buffer<float> latest() const {
    Buffer<float> rows(s.batch * fresh * query_row());
    for (std::int64_t b = 0; b < s.batch; ++b)
      std::memcpy(rows.data() + b * fresh * query_row(), q.data() + (b * s.time + s.time - fresh) * query_row(),
                  static_cast<std::size_t>(fresh * query_row()) * sizeof(float));
    return rows;
  }
  void run(Context& ctx) {
    ops::cached_attention(ctx, {.q = last.view(s.batch, fresh, s.query_heads, s.width),
                                .key = key.view(s.batch, capacity(), s.key_heads, s.width),
                                .value = value.view(s.batch, capacity(), s.key_heads, s.width),
                                .first_position = s.time - fresh,
                                .y = y.view(s.batch, fresh, s.query_heads, s.width)});
  }
  std::vector<double> expected() const {
    const auto whole = reference::attention(to_doubles(q), to_doubles(k), to_doubles(v), s).y;
    std::vector<double> rows;
    for (std::int64_t b = 0; b < s.batch; ++b) {
      const auto end = whole.begin() + (b + 1) * s.time * query_row();
      rows.insert(rows.end(), end - fresh * query_row(), end);
    }
    return rows;
  }
};

}  // namespace

TEST_CASE("attention over a cache gives the new tokens what attention over the whole text gives them") {
  Context ctx(Device{}, 2);
  for (const auto& [shape, fresh, spare] : {std::tuple{AttentionShape{1, 1, 1, 1, 3}, 1, 0},
                                            {{2, 67, 2, 2, 6}, 1, 5},
                                            {{1, 64, 4, 1, 16}, 64, 0},
                                            {{3, 5, 6, 2, 3}, 2, 1},
                                            {{1, 43, 18, 9, 32}, 1, 3},
                                            {{2, 21, 3, 3, 300}, 5, 0},
                                            {{2, 128, 4, 4, 32}, 17, 128}}) {
    Case c{shape, fresh, spare};
    c.run(ctx);
    CHECK(relative_error(c.y, c.expected()) < 2e-6);
  }
}

TEST_CASE("attention over a cache gives the same bits for any number of threads") {
  Context one(Device{}, 1), three(Device{}, 3);
  for (const auto& [shape, fresh] : {std::tuple{AttentionShape{3, 70, 6, 2, 32}, 4}, {{1, 70, 10, 5, 64}, 1}, {{1, 29, 18, 9, 32}, 1}}) {
    Case a{shape, fresh, 2}, b{shape, fresh, 2};
    a.run(one), b.run(three);
    CHECK(same_bits(a.y, b.y));
  }
}

TEST_CASE("attention over a cache refuses tokens beyond its end and shapes that do not fit") {
  Context ctx;
  Case c{{2, 6, 4, 2, 3}, 2, 1};
  const auto q = c.last.view(2, 2, 4, 3), y = c.y.view(2, 2, 4, 3);
  const auto key = c.key.view(2, 7, 2, 3), value = c.value.view(2, 7, 2, 3);
  CHECK_NOTHROW(ops::cached_attention(ctx, {q, key, value, 5, y}));
  CHECK_THROWS_AS(ops::cached_attention(ctx, {q, key, value, 6, y}), ContractError);
  CHECK_THROWS_AS(ops::cached_attention(ctx, {q, key, value, -1, y}), ContractError);
  CHECK_THROWS_AS(ops::cached_attention(ctx, {q, c.key.view(2, 7, 3, 2), value, 4, y}), ContractError);
  CHECK_THROWS_AS(ops::cached_attention(ctx, {q, key, c.value.view(2, 14, 1, 3), 4, y}), ContractError);
}
