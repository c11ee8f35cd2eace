#include "peer/base/philox.h"

#include "tests/support/catch.h"

using namespace peer;

TEST_CASE("philox gives the published known answers") {
  // Known-answer vectors of Random123 (philox4x32-10).
  CHECK(philox(0, {0, 0, 0, 0}) == std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox(~std::uint64_t{0}, {~0u, ~0u, ~0u, ~0u}) == std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
}

TEST_CASE("random streams of two purposes or subjects differ, and one stream repeats") {
  const Random a(7, Purpose::kShuffle), b(7, Purpose::kSample), c(7, Purpose::kShuffle, 1), again(7, Purpose::kShuffle);
  CHECK(a.bits(0) != b.bits(0));
  CHECK(a.bits(0) != c.bits(0));
  CHECK(a.bits(12345678901) == again.bits(12345678901));
}
