#include "peer/ops/row_order.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
struct Case {
  std::int64_t tokens, picks, experts;
  Buffer<std::int64_t> id = random_below<std::int64_t>(tokens * picks, 1, experts);
  Buffer<std::int32_t> order{tokens * picks}, begin{tokens * picks + 1};
  Buffer<std::int64_t> expert{tokens * picks};

  std::int64_t run(Context& ctx) {
    return ops::row_order(
        ctx, {id.view(tokens, picks), experts, order.view(order.size()), expert.view(expert.size()), begin.view(begin.size())});
  }
};
}  // namespace

TEST_CASE("row_order sorts the picks by expert and keeps equal ones in the order of their slots") {
  for (int threads : {1, 2, 5}) {
    Context ctx(Device{}, threads);
    for (auto [tokens, picks, experts] : {std::array<std::int64_t, 3>{1, 1, 1},
                                          {1, 7, 3},
                                          {0, 4, 9},
                                          {50, 9, 2048},
                                          {50, 9, 2049},
                                          {333, 16, 1 << 20},
                                          {20, 3, 2147483647}}) {
      Case c{tokens, picks, experts};
      const std::int64_t found = c.run(ctx);
      std::vector<std::int32_t> expected(static_cast<std::size_t>(c.id.size()));
      std::iota(expected.begin(), expected.end(), 0);
      std::stable_sort(expected.begin(), expected.end(), [&](auto a, auto b) { return c.id[a] < c.id[b]; });
      CHECK(std::equal(expected.begin(), expected.end(), c.order.data()));

      REQUIRE(c.begin[found] == c.id.size());
      bool runs_are_right = found == 0 || c.begin[0] == 0;
      for (std::int64_t u = 0; u < found; ++u) {
        runs_are_right &= c.begin[u] < c.begin[u + 1] && (u == 0 || c.expert[u - 1] < c.expert[u]);
        for (std::int64_t i = c.begin[u]; i < c.begin[u + 1]; ++i) runs_are_right &= c.id[c.order[i]] == c.expert[u];
      }
      CHECK(runs_are_right);
    }
  }
}

TEST_CASE("row_order puts every pick of one expert into one segment") {
  Context ctx;
  Case c{100, 8, 50};
  std::fill_n(c.id.data(), c.id.size(), 49);
  CHECK(c.run(ctx) == 1);
  CHECK(c.expert[0] == 49);
  CHECK(c.begin[1] == 800);
  CHECK(std::is_sorted(c.order.data(), c.order.data() + 800));
}

TEST_CASE("row_order refuses an id beyond the experts and outputs that are too small") {
  Context ctx;
  Case c{4, 4, 10};
  c.id[3] = 10;
  CHECK_THROWS_AS(c.run(ctx), ContractError);
  c.id[3] = -1;
  CHECK_THROWS_AS(c.run(ctx), ContractError);
  c.id[3] = 9;
  c.begin = Buffer<std::int32_t>(16);
  CHECK_THROWS_AS(c.run(ctx), ContractError);
}
