#include "peer/ops/lane_shuffles.h"

#include "tests/support/catch.h"

using namespace peer::ops;

TEST_CASE("transpose_lanes turns rows into columns") {
  VectorLanes rows[kVectorLanes];
  for (std::int64_t r = 0; r < kVectorLanes; ++r)
    for (std::int64_t c = 0; c < kVectorLanes; ++c) rows[r][c] = static_cast<float>(100 * r + c);
  transpose_lanes(rows);
  for (std::int64_t r = 0; r < kVectorLanes; ++r)
    for (std::int64_t c = 0; c < kVectorLanes; ++c) CHECK(rows[r][c] == static_cast<float>(100 * c + r));
}

TEST_CASE("sum_of and largest_of take every lane") {
  for (std::int64_t place = 0; place < kVectorLanes; ++place) {
    VectorLanes lanes = VectorLanes{} - 1.0f;
    lanes[place] = 100;
    CHECK(largest_of(lanes) == 100);
    CHECK(sum_of(lanes) == 100 - static_cast<float>(kVectorLanes - 1));
  }
}
