#include "peer/ops/expert_number.h"

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer;

TEST_CASE("the cells of a grid are numbered shell by shell, so that a larger grid keeps the numbers of a smaller one") {
  constexpr std::int64_t kNumbers[4][4] = {{0, 1, 4, 9}, {3, 2, 5, 10}, {8, 7, 6, 11}, {15, 14, 13, 12}};
  Context ctx;
  Buffer<std::int32_t> row(16), column(16);
  Buffer<std::int64_t> id(16);
  for (std::int32_t i = 0; i < 16; ++i) row[i] = i / 4, column[i] = i % 4;
  ops::expert_number(ctx, {.row = row.view(16), .column = column.view(16), .id = id.view(16)});
  for (std::int64_t i = 0; i < 16; ++i) CHECK(id[i] == kNumbers[i / 4][i % 4]);
}

TEST_CASE("expert_number refuses lengths that differ") {
  Context ctx;
  Buffer<std::int32_t> row(3), column(3);
  Buffer<std::int64_t> id(4);
  CHECK_THROWS_AS(ops::expert_number(ctx, {.row = row.view(3), .column = column.view(3), .id = id.view(4)}), ContractError);
}
