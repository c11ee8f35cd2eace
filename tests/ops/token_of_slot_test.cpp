#include "peer/ops/token_of_slot.h"

#include <algorithm>
#include <vector>

#include "tests/support/catch.h"

using peer::ops::TokenOfSlot;

TEST_CASE("the token of a slot is the slot divided by the picks, rounded down, for any number of picks below 2^31") {
  constexpr std::uint32_t kLast = 0x7fffffff;
  std::vector<std::uint32_t> numbers{kLast};
  for (std::uint32_t n = 1; n < 600; ++n) numbers.push_back(n);
  for (int bit = 9; bit < 31; ++bit)
    for (const std::uint32_t n : {(1u << bit) - 1, 1u << bit, (1u << bit) + 1, 3u << bit >> 1}) numbers.push_back(n & kLast);
  for (const std::uint32_t picks : numbers) {
    const TokenOfSlot token_of(picks);
    bool same = true;
    const auto check = [&](std::uint32_t slot) { same = same && token_of(slot) == slot / picks; };
    for (std::uint32_t slot = 0; slot < 1000; ++slot) check(slot), check(kLast - slot);
    for (std::uint32_t token = 1; token <= std::min(kLast / picks, 1000u); ++token)
      for (const std::uint32_t multiple : {token * picks, (kLast / picks - token + 1) * picks}) check(multiple - 1), check(multiple);
    CAPTURE(picks);
    CHECK(same);
  }
}
