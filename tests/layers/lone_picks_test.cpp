#include "peer/layers/lone_picks.h"

#include <algorithm>
#include <vector>

#include "peer/ops/row_order.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

TEST_CASE("lone_picks_first puts experts picked once first, by slot, and keeps the segments of the others") {
  Context ctx;
  struct Shape {
    std::int64_t slots, experts;
  };
  // All lone, none lone, a few of each, most lone.
  for (const Shape s : {Shape{1, 1}, {8, 1}, {40, 20}, {300, 40}, {1000, 5000}, {1000, 400}}) {
    const auto id = random_below<std::int64_t>(s.slots, 1, s.experts);
    Buffer<std::int32_t> order(s.slots), begin(s.slots + 1);
    Buffer<std::int64_t> expert(s.slots);
    const std::int64_t u =
        ops::row_order(ctx, {id.view(1, s.slots), s.experts, order.view(s.slots), expert.view(s.slots), begin.view(s.slots + 1)});

    std::vector<std::int32_t> lone, others;       // slots, in the order wanted
    std::vector<std::int64_t> experts_of_others;  // by rising expert
    for (std::int64_t i = 0; i < u; ++i) {
      const bool once = begin[i + 1] - begin[i] == 1;
      for (std::int32_t place = begin[i]; place < begin[i + 1]; ++place) (once ? lone : others).push_back(order[place]);
      if (!once) experts_of_others.push_back(expert[i]);
    }
    std::sort(lone.begin(), lone.end());

    const std::int64_t count = layers::lone_picks_first(ctx, order.view(s.slots), expert.view(u), begin.view(u + 1));
    REQUIRE(count == static_cast<std::int64_t>(lone.size()));
    std::vector<std::int32_t> expected = lone;
    expected.insert(expected.end(), others.begin(), others.end());
    CHECK(std::vector<std::int32_t>(order.data(), order.data() + s.slots) == expected);
    CHECK(begin[0] == 0);
    CHECK(begin[u] == s.slots);
    bool right = true;
    for (std::int64_t i = 0; i < u; ++i) {
      right &= i < count ? begin[i + 1] - begin[i] == 1
                         : begin[i + 1] - begin[i] > 1 && expert[i] == experts_of_others[static_cast<std::size_t>(i - count)];
      for (std::int32_t place = begin[i]; place < begin[i + 1]; ++place) right &= id[order[place]] == expert[i];
    }
    CHECK(right);
  }
}
