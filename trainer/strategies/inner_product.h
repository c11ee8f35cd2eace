#pragma once

#include <cstdint>

namespace peer::trainer {

// In double precision: thousands of numbers are summed.
inline double inner_product(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace peer::trainer
