#include "peer/ops/page_use.h"

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

TEST_CASE("page_use adds the picks of every page to what was counted before") {
  Context ctx;
  constexpr std::int64_t kPicks = 500, kPages = 7;
  const Buffer<std::int64_t> id = random_below<std::int64_t>(kPicks, 1, kPages * 8);
  Buffer<std::uint32_t> uses = filled<std::uint32_t>(kPages, 3);
  std::vector<std::uint32_t> expected(kPages, 3);
  for (std::int64_t i = 0; i < kPicks; ++i) ++expected[static_cast<std::size_t>(id[i] / 8)];
  ops::page_use(ctx, {id.view(50, 10), 3, uses.view(kPages)});
  CHECK(std::vector<std::uint32_t>(uses.data(), uses.data() + kPages) == expected);
}

TEST_CASE("page_use refuses an expert that lies on no page") {
  Context ctx;
  Buffer<std::int64_t> id(2);
  Buffer<std::uint32_t> uses(2);
  id[1] = 8;
  CHECK_NOTHROW(ops::page_use(ctx, {id.view(2, 1), 3, uses.view(2)}));
  id[1] = 16;
  CHECK_THROWS_AS(ops::page_use(ctx, {id.view(2, 1), 3, uses.view(2)}), ContractError);
}
