// The token that a slot belongs to: a division by the same number again and again, made a multiplication.
#pragma once

#include <bit>
#include <cstdint>

namespace peer::ops {

// slot / picks for every slot < 2^31, where slot s = n * picks + r: slot * m / 2^k rounded down, with m the smallest integer of at least
// 2^k / picks, which is too large by less than 2^k / slot (Granlund & Montgomery 1994). Requires picks < 2^31; of none there is no slot.
class TokenOfSlot {
 public:
  constexpr explicit TokenOfSlot(std::uint32_t picks)
      : shift_(31 + std::bit_width(picks > 0 ? picks - 1 : 0)),
        multiplier_(picks > 0 ? static_cast<std::uint32_t>(((std::uint64_t{1} << shift_) + picks - 1) / picks) : 0) {}

  constexpr std::uint32_t operator()(std::uint32_t slot) const {
    return static_cast<std::uint32_t>(std::uint64_t{slot} * multiplier_ >> shift_);
  }

 private:
  int shift_;
  std::uint32_t multiplier_;
};

}  // namespace peer::ops
