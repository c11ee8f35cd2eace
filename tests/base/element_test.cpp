#include "peer/base/element.h"

#include <limits>

#include "tests/support/catch.h"

using namespace peer;

TEST_CASE("bf16 is the nearest number of 8 bits, the even one of two that are as near") {
  CHECK(bfloat16_of(1.0f) == 0x3f80);
  CHECK(bfloat16_of(-2.0f) == 0xc000);
  CHECK(bfloat16_of(std::bit_cast<float>(0x3f808000u)) == 0x3f80);  // half-way: down to even
  CHECK(bfloat16_of(std::bit_cast<float>(0x3f818000u)) == 0x3f82);  // half-way: up to even
  CHECK(bfloat16_of(std::bit_cast<float>(0x3f808001u)) == 0x3f81);
  CHECK(bfloat16_of(std::numeric_limits<float>::max()) == 0x7f80);  // rounds to infinity
}

TEST_CASE("bf16 of what is no number is no number") {
  CHECK(bfloat16_of(std::numeric_limits<float>::infinity()) == 0x7f80);
  for (const std::uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xffffffffu}) {
    const std::uint16_t rounded = bfloat16_of(std::bit_cast<float>(bits));
    CHECK((rounded & 0x7f80) == 0x7f80);
    CHECK((rounded & 0x7f) != 0);
  }
}
