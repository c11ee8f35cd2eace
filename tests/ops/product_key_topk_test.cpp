#include "peer/ops/product_key_topk.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "peer/base/error.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
using reference::GridShape;
constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();

struct Case {
  GridShape s;
  Buffer<float> query = random_normal(s.query_size(), 1), rows = random_normal(s.key_size(), 2), columns = random_normal(s.key_size(), 3);
  Buffer<std::int32_t> row{s.pick_size()}, column{s.pick_size()};
  Buffer<float> score{s.pick_size()}, dscore = random_normal(s.pick_size(), 4), dquery{s.query_size()};
  Buffer<float> drows = filled<float>(s.key_size(), 0.25f), dcolumns = filled<float>(s.key_size(), 0.25f);

  explicit Case(const GridShape& shape) : s(shape) {}
  View<float, 4> by_half(Buffer<float>& b) { return b.view(s.tokens, s.heads, 2, s.half_width); }
  View<float, 3> by_set(Buffer<float>& b) { return b.view(s.sets, s.subkeys, s.half_width); }
  template <class T>
  View<T, 3> by_pick(Buffer<T>& b) {
    return b.view(s.tokens, s.heads, s.picks);
  }
  void forward(Context& ctx) {
    ops::product_key_topk(ctx, {by_half(query), by_set(rows), by_set(columns), s.open, by_pick(row), by_pick(column), by_pick(score)});
  }
  void backward(Context& ctx, bool trainable = true) {
    ops::product_key_topk_backward(
        ctx, {by_half(query), by_set(rows), by_set(columns), by_pick(row), by_pick(column), by_pick(dscore), by_half(dquery),
              trainable ? by_set(drows) : View<float, 3>{}, trainable ? by_set(dcolumns) : View<float, 3>{}});
  }
  reference::Picks picks() const {
    return {
        {row.data(), row.data() + row.size()}, {column.data(), column.data() + column.size()}, {score.data(), score.data() + score.size()}};
  }
};

// A case whose scores are known to the last bit: token n's query is the n-th unit vector, so sub-key i scores its n-th number.
struct ExactCase : Case {
  ExactCase(GridShape shape, const std::function<float(std::int64_t)>& number) : Case((shape.half_width = shape.tokens, shape)) {
    for (std::int64_t i = 0; i < s.query_size(); ++i) query[i] = i % s.tokens == i / (s.heads * 2 * s.tokens) ? 1.0f : 0.0f;
    for (std::int64_t i = 0; i < s.key_size(); ++i) rows[i] = number(2 * i), columns[i] = number(2 * i + 1);
  }
};

template <class Change>
void change_all(Buffer<float>& numbers, Change&& change) {
  for (std::int64_t i = 0; i < numbers.size(); ++i) numbers[i] = change(numbers[i]);
}

// Whole numbers up to `largest` either way. Where half_width * largest^2 < 2^24 every score is exact in fp32, in any order of summation.
Case whole_numbers(const GridShape& shape, float largest) {
  Case c(shape);
  for (Buffer<float>* numbers : {&c.query, &c.rows, &c.columns})
    change_all(*numbers, [&](float x) { return std::round(std::clamp(x / 3, -1.0f, 1.0f) * largest); });
  return c;
}

bool same(const reference::Picks& a, const reference::Picks& b) {
  for (std::size_t i = 0; i < a.score.size(); ++i)
    if (!(a.score[i] == b.score[i]) && !(std::isnan(a.score[i]) && std::isnan(b.score[i]))) return false;
  return a.row == b.row && a.column == b.column;
}

reference::Picks expected_picks(const Case& c) {
  return reference::product_key_topk(c.s, to_doubles(c.query), to_doubles(c.rows), to_doubles(c.columns));
}

// tokens, heads, half_width, sets, subkeys, open, picks
const GridShape kShapes[] = {{1, 1, 1, 1, 1, 1, 1},        {1, 1, 1, 1, 5, 5, 5},          {3, 2, 3, 2, 7, 6, 3},
                             {9, 4, 9, 1, 16, 16, 8},      {9, 4, 9, 1, 64, 64, 8},        {5, 2, 5, 1, 200, 190, 16},
                             {3, 2, 3, 2, 1024, 1000, 16}, {2, 1, 2, 1, 300, 300, 40},     {1, 2, 1, 1, 500, 450, 100},
                             {40, 1, 40, 1, 33, 31, 1},    {40, 1, 40, 1, 1024, 1000, 16}, {2, 2, 2, 2, 37, 37, 37}};

const Random kRandom(kSeed, Purpose::kTest, 77);
float normal(std::int64_t i) { return static_cast<float>(kRandom.normal(static_cast<std::uint64_t>(i))); }
std::int64_t below(std::int64_t i, std::int64_t bound) {
  return static_cast<std::int64_t>(kRandom.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(bound)));
}
}  // namespace

TEST_CASE("product_key_topk picks what sorting every candidate picks") {
  Context ctx;
  for (const GridShape& s : kShapes) {
    ExactCase c(s, normal);
    c.forward(ctx);
    CHECK(same(c.picks(), expected_picks(c)));
  }
}

TEST_CASE("product_key_topk is exact over the whole grid where scores are small integers full of ties") {
  Context ctx;
  for (const GridShape& s : kShapes)
    for (std::int64_t values : {1, 2, 3, 10}) {
      ExactCase c(s, [&](std::int64_t i) { return static_cast<float>(below(i, values)) - 1; });
      c.forward(ctx);
      CHECK(same(c.picks(), expected_picks(c)));
      if (s.subkeys <= 64)
        CHECK(same(c.picks(), reference::whole_grid_topk(c.s, to_doubles(c.query), to_doubles(c.rows), to_doubles(c.columns))));
    }
}

TEST_CASE("product_key_topk keeps its tie rule where rounding makes different sums equal") {
  Context ctx;
  for (const GridShape& s : kShapes) {
    ExactCase c(s, [](std::int64_t i) { return i % 2 == 0 ? 1e8f + 8 * static_cast<float>(below(i, 3)) : normal(i); });
    c.forward(ctx);
    CHECK(same(c.picks(), expected_picks(c)));
  }
}

TEST_CASE("product_key_topk picks infinities in order and NaN last") {
  Context ctx;
  const float special[] = {kNaN, -kInfinity, kInfinity, 0.0f, -0.0f, 1.0f};
  for (GridShape s : kShapes)
    for (std::int64_t kinds : {1, 2, 3, 6}) {
      s.tokens = 1;  // infinity times zero would be NaN in every score
      ExactCase c(s, [&](std::int64_t i) { return below(i, 3) == 0 ? normal(i) : special[below(i + 1000000, kinds)]; });
      c.forward(ctx);
      CHECK(same(c.picks(), expected_picks(c)));
    }
}

TEST_CASE("product_key_topk of many tokens picks sub-keys that are not a number last, also when fewer than K are left") {
  Context ctx;
  for (const GridShape& s :
       {GridShape{40, 1, 16, 1, 1024, 1000, 16}, GridShape{33, 2, 8, 2, 256, 256, 24}, GridShape{64, 4, 8, 1, 64, 64, 32}})
    for (const std::int64_t left : {s.picks - 3, s.picks + 5}) {
      Case c = whole_numbers(s, 40);
      for (Buffer<float>* keys : {&c.rows, &c.columns})
        for (std::int64_t key = 0; key < s.sets * s.subkeys; ++key)
          if (key % s.subkeys % (s.open / left + 1) != 0)
            for (std::int64_t i = 0; i < s.half_width; ++i) (*keys)[key * s.half_width + i] = kNaN;
      c.forward(ctx);
      CHECK(same(c.picks(), expected_picks(c)));
    }
}

TEST_CASE("dormant sub-keys are never picked") {
  Context ctx;
  ExactCase c({2, 2, 2, 1, 50, 20, 8}, [](std::int64_t i) { return static_cast<float>(i); });  // the dormant ones score highest
  c.forward(ctx);
  CHECK(*std::max_element(c.row.data(), c.row.data() + c.row.size()) == 19);
  CHECK(*std::max_element(c.column.data(), c.column.data() + c.column.size()) == 19);
}

TEST_CASE("product_key_topk scores its picks and lists them in falling order") {
  Context ctx;
  for (GridShape s : {GridShape{70, 8, 16, 1, 1024, 1024, 16}, {70, 8, 16, 8, 100, 90, 8}, {1, 1, 3, 1, 5, 5, 5}}) {
    Case c(s);
    c.forward(ctx);
    const auto scores = reference::pick_scores(s, to_doubles(c.query), to_doubles(c.rows), to_doubles(c.columns), c.picks());
    CHECK(relative_error(c.score, scores) < 1e-6);
    bool falls = true;
    for (std::int64_t i = 0; i < s.pick_size(); ++i) falls &= i % s.picks == 0 || c.score[i] <= c.score[i - 1];
    CHECK(falls);
  }
}

TEST_CASE("product_key_topk and its backward give the same bits for any number of threads") {
  for (GridShape s : {GridShape{70, 4, 16, 1, 300, 300, 16}, {130, 2, 8, 2, 20, 20, 8}}) {
    Context one(Device{}, 1);
    Case expected(s);
    expected.forward(one), expected.backward(one);
    for (int threads : {2, 5}) {
      Context ctx(Device{}, threads);
      Case c(s);
      c.forward(ctx), c.backward(ctx);
      CHECK(same_bits(c.row, expected.row));
      CHECK(same_bits(c.column, expected.column));
      CHECK(same_bits(c.score, expected.score));
      CHECK(same_bits(c.dquery, expected.dquery));
      CHECK(same_bits(c.drows, expected.drows));
      CHECK(same_bits(c.dcolumns, expected.dcolumns));
    }
  }
}

TEST_CASE("product_key_topk gives the same bits on every path of the CPU where the scores are the same") {
  // Whole numbers, so that no order of summation rounds.
  for (GridShape s : {GridShape{70, 4, 16, 1, 300, 300, 16}, {3, 2, 8, 2, 1000, 990, 8}, {9, 2, 8, 1, 200, 200, 40}}) {
    Case expected = whole_numbers(s, 100);
    Context portable(Device{}, 2, runnable_cpu_paths().front());
    expected.forward(portable);
    for (CpuPath path : runnable_cpu_paths()) {
      CAPTURE(to_text(path));
      Context ctx(Device{}, 2, path);
      Case c = whole_numbers(s, 100);
      c.forward(ctx);
      CHECK(same_bits(c.row, expected.row));
      CHECK(same_bits(c.column, expected.column));
      CHECK(same_bits(c.score, expected.score));
    }
  }
}

// A CPU that multiplies bf16 looks for candidates in it: what follows are the ways in which that could lose one.
TEST_CASE("product_key_topk picks by fp32 scores where scores in bf16 cannot tell sub-keys apart") {
  Context ctx;
  for (GridShape s :
       {GridShape{20, 2, 40, 1, 1024, 1000, 16}, {70, 2, 33, 2, 1024, 1024, 8}, {35, 1, 65, 1, 600, 600, 40}, {9, 4, 8, 1, 80, 70, 16}})
    for (float offset : {0.0f, 300.0f}) {  // large common parts hide small differences: 300 needs nine bits, bf16 has eight
      Case c = whole_numbers(s, offset == 0 ? 400 : 3);
      change_all(c.rows, [&](float x) { return x + offset; });
      change_all(c.columns, [&](float x) { return x - offset; });
      c.forward(ctx);
      CHECK(same(c.picks(), expected_picks(c)));
    }
}

TEST_CASE("product_key_topk picks by fp32 scores whatever the norms of queries and sub-keys") {
  Context ctx;
  const GridShape s{20, 2, 40, 1, 1024, 1000, 16};
  struct Scaling {
    float query, keys, one_key;
  };
  for (const Scaling scaling : {Scaling{0x1p-60f, 0x1p-60f, 1},
                                {0x1p50f, 0x1p50f, 1},
                                {0x1p-100f, 0x1p90f, 1},
                                {1, 1, 0x1p80f},
                                {1, 1, kNaN},
                                {1, 0, 1},
                                {0, 1, 1}}) {
    CAPTURE(scaling.query, scaling.keys, scaling.one_key);
    Case c = whole_numbers(s, 400);
    change_all(c.query, [&](float x) { return x * scaling.query; });
    change_all(c.rows, [&](float x) { return x * scaling.keys; });
    change_all(c.columns, [&](float x) { return x * scaling.keys; });
    for (std::int64_t i = 0; i < s.half_width; ++i) c.rows[7 * s.half_width + i] *= i == 3 ? scaling.one_key : 0;
    c.forward(ctx);
    CHECK(same(c.picks(), expected_picks(c)));
  }
}

TEST_CASE("product_key_topk_backward gives the oracle's gradients") {
  Context ctx;
  // The last shape has more picks than one chunk of the backward.
  for (GridShape s : {GridShape{1, 1, 1, 1, 1, 1, 1},
                      {1, 2, 3, 2, 5, 5, 5},
                      {33, 4, 16, 1, 100, 90, 8},
                      {33, 4, 16, 4, 100, 90, 8},
                      {2100, 4, 3, 4, 20, 20, 8}}) {
    Case c(s);
    c.forward(ctx);
    c.backward(ctx);
    auto expected =
        reference::pick_scores_backward(s, to_doubles(c.query), to_doubles(c.rows), to_doubles(c.columns), c.picks(), to_doubles(c.dscore));
    for (auto* added : {&expected.drows, &expected.dcolumns})
      for (double& g : *added) g += 0.25;
    CHECK(relative_error(c.dquery, expected.dquery) < 2e-6);
    CHECK(relative_error(c.drows, expected.drows) < 5e-6);
    CHECK(relative_error(c.dcolumns, expected.dcolumns) < 5e-6);
  }
}

TEST_CASE("product_key_topk_backward leaves the gradients of frozen sub-keys alone and gives the same dquery") {
  Context ctx;
  const GridShape s{33, 2, 8, 1, 20, 20, 4};
  Case trained(s), frozen(s);
  trained.forward(ctx), frozen.forward(ctx);
  trained.backward(ctx), frozen.backward(ctx, false);
  CHECK(same_bits(trained.dquery, frozen.dquery));
  CHECK(same_bits(frozen.drows, filled<float>(s.key_size(), 0.25f)));
  CHECK(same_bits(frozen.dcolumns, filled<float>(s.key_size(), 0.25f)));
}

TEST_CASE("the oracle's gradients of the pick scores are derivatives") {
  for (std::int64_t sets : {1, 2}) {
    const GridShape s{3, 2, 4, sets, 6, 6, 3};
    auto query = to_doubles(random_normal(s.query_size(), 1)), rows = to_doubles(random_normal(s.key_size(), 2));
    auto columns = to_doubles(random_normal(s.key_size(), 3));
    const auto dscore = to_doubles(random_normal(s.pick_size(), 4));
    const auto picks = reference::product_key_topk(s, query, rows, columns);
    const auto loss = [&] { return inner_product(dscore, reference::pick_scores(s, query, rows, columns, picks)); };
    const auto gradients = reference::pick_scores_backward(s, query, rows, columns, picks, dscore);
    CHECK(relative_error(gradients.dquery, finite_differences(query, loss)) < 1e-7);
    CHECK(relative_error(gradients.drows, finite_differences(rows, loss)) < 1e-7);
    CHECK(relative_error(gradients.dcolumns, finite_differences(columns, loss)) < 1e-7);
  }
}

TEST_CASE("product_key_topk refuses more picks than open sub-keys and picks that do not exist") {
  Context ctx;
  Case many({2, 2, 4, 1, 10, 5, 6}), wide({2, 2, 4, 1, 10, 11, 6}), sets({2, 4, 4, 2, 10, 10, 6}), good({2, 2, 4, 1, 10, 10, 6});
  CHECK_THROWS_AS(many.forward(ctx), ContractError);
  CHECK_THROWS_AS(wide.forward(ctx), ContractError);
  CHECK_THROWS_AS(sets.forward(ctx), ContractError);
  good.forward(ctx);
  good.row[3] = 10;
  CHECK_THROWS_AS(good.backward(ctx), ContractError);
}
