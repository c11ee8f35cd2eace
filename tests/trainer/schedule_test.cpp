#include "trainer/schedule.h"

#include "tests/support/catch.h"

using peer::trainer::schedule;

TEST_CASE("the rate rises over the warm-up to its peak, and falls along a cosine to its final share") {
  CHECK(schedule(0, 100, 0.1, 0.05) == Approx(0.1));
  CHECK(schedule(9, 100, 0.1, 0.05) == Approx(1));
  for (int step = 10; step < 100; ++step) CHECK(schedule(step, 100, 0.1, 0.05) < schedule(step - 1, 100, 0.1, 0.05));
  CHECK(schedule(54, 100, 0.1, 0.05) == Approx(0.525));
  CHECK(schedule(99, 100, 0.1, 0.05) == Approx(0.05));
}

TEST_CASE("a stage of one step trains at the peak") { CHECK(schedule(0, 1, 0.05, 0.05) == Approx(1)); }
