#include "peer/base/element.h"

#include <bit>
#include <cmath>
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

TEST_CASE("stochastic rounding takes one of the two bf16 around a number, the nearer as much the likelier as it is nearer") {
  for (const float value : {1.001f, -1.001f, 0.3f, 5e-39f, -3e20f}) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto towards_zero = static_cast<std::uint16_t>(bits >> 16);
    int away = 0;
    for (std::uint32_t random = 0; random < 1u << 16; ++random) {
      const std::uint16_t rounded = stochastic_bfloat16_of(value, random);
      if (rounded == towards_zero + 1)
        ++away;
      else if (rounded != towards_zero)
        FAIL("neither of the two neighbours");
    }
    CHECK(away == static_cast<int>(bits & 0xffff));
  }
  CHECK(stochastic_bfloat16_of(1.5f, 0xffff) == 0x3fc0);  // what is a bf16 already stays
  CHECK(stochastic_bfloat16_of(std::numeric_limits<float>::infinity(), 0xffff) == 0x7f80);
  CHECK(std::isnan(static_cast<float>(Bfloat16{stochastic_bfloat16_of(std::bit_cast<float>(0x7fffffffu), 0xffff)})));
}
