#include "peer/base/normal.h"

#include <array>
#include <bit>
#include <cmath>
#include <numbers>

namespace peer {
namespace {

constexpr int kOctaves = 31, kStepBits = 6, kSteps = 1 << kStepBits;
constexpr int kMantissa = 23, kRest = kMantissa - kStepBits;  // bits of a float below the step

// The z with P(Z > z) = tail, 0 < tail <= 1/2: Newton's iteration on the logarithm of the tail, whose curvature is mild.
double upper_quantile(double tail) {
  double z = std::sqrt(std::max(0.0, -2 * std::log(2 * tail)));
  for (int i = 0; i < 60; ++i) {
    const double p = 0.5 * std::erfc(z / std::numbers::sqrt2), density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    const double step = std::log(p / tail) * p / density;
    z += step;
    if (std::abs(step) < 1e-14) break;
  }
  return z;
}

// Quantiles at the points that divide each octave of the tail evenly; a float's leading bits are the point below it.
class QuantileTable {
 public:
  QuantileTable() {
    for (std::size_t i = 0; i < chords_.size(); ++i) {
      const double here = at(i), next = at(i + 1);
      chords_[i] = {static_cast<float>(here), static_cast<float>((next - here) / (1 << kRest))};
    }
  }

  double operator()(std::uint32_t word) const {
    // The tail is (31 bits | 1) / 2^32. The product of 24 and 17 bits is exact, so that it does not matter whether a compiler fuses it.
    const auto tail = static_cast<float>(static_cast<std::int32_t>((word & 0x7FFFFFFFu) | 1u));
    const auto bits = std::bit_cast<std::uint32_t>(tail) - kOne;
    const Chord& chord = chords_[bits >> kRest];
    const double z = chord.start + static_cast<double>(chord.slope) * static_cast<double>(bits & ((1u << kRest) - 1));
    const std::uint64_t sign = std::uint64_t{word & 0x80000000u} << 32;
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(z) ^ sign);  // no branch: it would be missed every other time
  }

 private:
  struct Chord {
    float start, slope;
  };
  static constexpr std::uint32_t kOne = 0x3F800000;  // 1.0f, the least tail

  static double at(std::size_t point) {
    const double tail = std::bit_cast<float>(static_cast<std::uint32_t>(kOne + (point << kRest)));
    return upper_quantile(std::min(0.5, tail * 0x1p-32));
  }
  std::array<Chord, kOctaves * kSteps + 1> chords_;
};

const QuantileTable& quantiles() {
  static const QuantileTable table;
  return table;
}

}  // namespace

double normal_of(std::uint32_t word) { return quantiles()(word); }

double Random::normal(std::uint64_t index) const { return normal_of(block(index / 4)[index % 4]); }

void fill_normal(const Random& random, std::uint64_t first, std::int64_t count, double deviation, float* values) {
  const QuantileTable& table = quantiles();
  const std::uint64_t end = first + static_cast<std::uint64_t>(count);
  std::uint64_t index = first;
  for (; index < end && index % 4 != 0; ++index) *values++ = static_cast<float>(deviation * table(random.block(index / 4)[index % 4]));
  for (; index + 4 <= end; index += 4)
    for (const std::uint32_t word : random.block(index / 4)) *values++ = static_cast<float>(deviation * table(word));
  for (; index < end; ++index) *values++ = static_cast<float>(deviation * table(random.block(index / 4)[index % 4]));
}

}  // namespace peer
