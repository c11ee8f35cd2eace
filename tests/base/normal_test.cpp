#include "peer/base/normal.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "tests/support/catch.h"

using namespace peer;

namespace {

double probability_above(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }

}  // namespace

TEST_CASE("a normal number is the quantile of its word") {
  const Random random(1, Purpose::kTest);
  for (std::uint64_t i = 0; i < 100000; ++i) {
    // Words of every magnitude, so that the far tail is met as often as the middle.
    const std::uint32_t word = (random.block(i)[0] & 0x7FFFFFFFu) >> (i % 31);
    const double z = normal_of(word), tail = static_cast<double>(word | 1u) * 0x1p-32;
    const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
    INFO("word " << word << ", z " << z);
    REQUIRE(std::abs(probability_above(z) - tail) <= 2e-5 * density + 1e-7 * tail);
    REQUIRE(normal_of(word | 0x80000000u) == -z);
  }
}

TEST_CASE("normal numbers end at 6.24 and fall with the word") {
  CHECK(std::abs(normal_of(0) - 6.2303) < 1e-3);
  CHECK(normal_of(0x7FFFFFFF) < 1e-6);
  double last = normal_of(0);
  for (std::uint32_t word = 1; word < 0x7FFF0000u; word += 65521) {
    const double z = normal_of(word);
    REQUIRE(z <= last);
    last = z;
  }
}

TEST_CASE("normal numbers have the moments and the distribution of a normal") {
  const Random random(1, Purpose::kTest);
  constexpr int kDraws = 1000000;
  std::vector<float> z(kDraws);
  fill_normal(random, 0, kDraws, 1.0, z.data());
  double first = 0, second = 0, third = 0, fourth = 0;
  for (const double x : z) first += x, second += x * x, third += x * x * x, fourth += x * x * x * x;
  // Five standard errors each: sqrt(1, 2, 15, 96) / 1000.
  CHECK(std::abs(first / kDraws) < 0.005);
  CHECK(std::abs(second / kDraws - 1) < 0.0071);
  CHECK(std::abs(third / kDraws) < 0.0194);
  CHECK(std::abs(fourth / kDraws - 3) < 0.049);
  std::sort(z.begin(), z.end());
  double gap = 0;
  for (int i = 0; i < kDraws; ++i) gap = std::max(gap, std::abs((i + 0.5) / kDraws - (1 - probability_above(z[i]))));
  CHECK(gap < 1.95 / std::sqrt(kDraws));  // Kolmogorov-Smirnov at 0.001
}

TEST_CASE("neighbouring normal numbers are not correlated") {
  const Random random(2, Purpose::kTest);
  constexpr int kDraws = 1000000;
  for (const int distance : {1, 2, 3, 4, 5}) {
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) sum += random.normal(i) * random.normal(i + distance);
    CHECK(std::abs(sum / kDraws) < 0.005);
  }
}

TEST_CASE("normal numbers are the same in one piece, in pieces and one by one") {
  const Random random(3, Purpose::kTest, 4);
  std::vector<float> whole(50), piece(50);
  fill_normal(random, 7, 50, 0.5, whole.data());
  for (const std::int64_t cut : {0, 1, 2, 3, 5, 8, 49, 50}) {
    fill_normal(random, 7, cut, 0.5, piece.data());
    fill_normal(random, 7 + static_cast<std::uint64_t>(cut), 50 - cut, 0.5, piece.data() + cut);
    CHECK(whole == piece);
  }
  for (std::uint64_t i = 0; i < 50; ++i) CHECK(whole[i] == static_cast<float>(0.5 * random.normal(7 + i)));
}
