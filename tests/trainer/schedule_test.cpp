#include "trainer/schedule.h"

#include "tests/support/catch.h"

using namespace peer::trainer;

TEST_CASE("the rate rises over the warm-up to its peak, and falls along a cosine to its final share") {
  CHECK(schedule(0, 100, 0.1, 0.05) == Approx(0.1));
  CHECK(schedule(9, 100, 0.1, 0.05) == Approx(1));
  for (int step = 10; step < 100; ++step) CHECK(schedule(step, 100, 0.1, 0.05) < schedule(step - 1, 100, 0.1, 0.05));
  CHECK(schedule(54, 100, 0.1, 0.05) == Approx(0.525));
  CHECK(schedule(99, 100, 0.1, 0.05) == Approx(0.05));
}

TEST_CASE("a stage of one step trains at the peak") { CHECK(schedule(0, 1, 0.05, 0.05) == Approx(1)); }

TEST_CASE("infinite rates rise and cool down once, stay, and fall at a stage's end; a later stage begins with the constant one") {
  TrainOptions o{.steps = 100, .schedule = Schedule::kInfinite, .warmup_share = 0.1, .final_share = 0.05};
  o.cooldown_share = 0.4, o.constant_share = 0.5, o.anneal_share = 0.16;
  CHECK(rate_share(0, o) == Approx(0.1));
  CHECK(rate_share(9, o) == Approx(1));
  CHECK(rate_share(29, o) == Approx(0.75));  // half of the way down
  for (int step = 49; step < 84; ++step) CHECK(rate_share(step, o) == Approx(0.5));
  CHECK(rate_share(87, o) == Approx(0.05 + 0.45 * (1 - 0.5)));  // a quarter of the last 16 steps
  CHECK(rate_share(99, o) == Approx(0.05));

  const TrainOptions later = later_stage(o);
  for (int step = 0; step < 84; ++step) CHECK(rate_share(step, later) == Approx(0.5));
  for (int step = 84; step < 100; ++step) CHECK(rate_share(step, later) == rate_share(step, o));
}

TEST_CASE("with a cosine every stage rises and falls alike; without annealing infinite rates end at the constant one") {
  TrainOptions o{.steps = 60};
  for (int step = 0; step < 60; ++step) {
    CHECK(rate_share(step, later_stage(o)) == rate_share(step, o));
    CHECK(rate_share(step, o) == schedule(step, 60, o.warmup_share, o.final_share));
  }
  o.schedule = Schedule::kInfinite, o.anneal_share = 0;
  CHECK(rate_share(59, o) == o.constant_share);
}
