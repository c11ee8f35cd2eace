#include "cli/interrupt.h"

#include <csignal>

#include "tests/support/catch.h"

TEST_CASE("the first signal asks to stop, and the next would end the process") {
  const std::atomic<bool>& stop = peer::cli::catch_interrupts();
  REQUIRE_FALSE(stop);
  std::raise(SIGTERM);
  CHECK(stop);
  CHECK(std::signal(SIGTERM, SIG_DFL) == SIG_DFL);
  CHECK(std::signal(SIGINT, SIG_DFL) == SIG_DFL);
}
