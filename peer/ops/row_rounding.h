// The random bits by which an update of bf16 rows is rounded: a function of (key, expert, column) alone, the same on every device and for
// any number of threads. The key stands for the block and the step.
#pragma once

#include <cstdint>

#include "peer/base/element.h"
#include "peer/base/philox.h"

namespace peer::ops {

class RowRounding {
 public:
  RowRounding() = default;
  constexpr RowRounding(std::uint64_t key, std::int64_t expert)
      : row_(philox(key, {static_cast<std::uint32_t>(expert), static_cast<std::uint32_t>(expert >> 32), 0,
                          static_cast<std::uint32_t>(Purpose::kRounding)})[0]) {}

  // Uniform in [0, 2^16) for each column, since the row's number is and what is done to it has an inverse. One Philox number a row and one
  // multiplication a column, which vectors take sixteen at a time.
  constexpr std::uint32_t bits(std::uint32_t column) const {
    const std::uint32_t x = row_ + column * 0x9E3779B9u;
    return (x ^ x >> 15) * 0x7FEB352Du >> 16;
  }

  // number = value, rounded where it must be.
  constexpr void store(float& number, float value, std::uint32_t) const { number = value; }
  constexpr void store(Bfloat16& number, float value, std::uint32_t column) const {
    number.bits = stochastic_bfloat16_of(value, bits(column));
  }

 private:
  std::uint32_t row_;
};

}  // namespace peer::ops
