// How a twin is compared with the oracle, and a backward with finite differences.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "peer/device/buffer.h"

namespace peer::test {

// Largest |actual - expected| over the largest |expected|. Infinite where a number is not finite or the sizes differ, so that a NaN
// never passes a comparison.
template <class Actual>
double relative_error(const Actual& actual, const std::vector<double>& expected, double least_scale = 1e-30) {
  if (static_cast<std::size_t>(actual.size()) != expected.size()) return std::numeric_limits<double>::infinity();
  double scale = least_scale, error = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(actual[static_cast<std::int64_t>(i)]) - expected[i]);
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    error = std::max(error, difference);
    scale = std::max(scale, std::abs(expected[i]));
  }
  return error / scale;
}

template <class T>
bool same_bits(const Buffer<T>& a, const Buffer<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.bytes())) == 0;
}

// sum_i weight[i] x[i]: turns a tensor into the scalar that is differentiated. With `weight` as dy, its gradient is the backward's.
inline double inner_product(const std::vector<double>& weight, const std::vector<double>& x) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += weight[i] * x[i];
  return sum;
}

// d loss() / dx[i] for every i by central differences. `loss` reads x, which is restored. In double precision the error is about
// 1e-9 of the gradient, far below what float arithmetic can show.
template <class Loss>
std::vector<double> finite_differences(std::vector<double>& x, Loss&& loss) {
  std::vector<double> gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double kept = x[i], step = 1e-5 * std::max(1.0, std::abs(kept));
    x[i] = kept + step;
    const double above = loss();
    x[i] = kept - step;
    const double below = loss();
    x[i] = kept;
    gradient[i] = (above - below) / (2 * step);
  }
  return gradient;
}

}  // namespace peer::test
