#include "peer/layers/centroids.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kWidth = 8;

Random seeded() { return {kSeed, Purpose::kCentroid}; }

// `each` points of any length near each of the first axes, axis by axis.
Buffer<float> around_axes(std::int64_t axes, std::int64_t each) {
  Buffer<float> point = random_normal(axes * each * kWidth, 1, 0.1);
  const Buffer<float> length = random_normal(axes * each, 2, 0.2, 2);
  for (std::int64_t p = 0; p < axes * each; ++p) {
    point[p * kWidth + p / each] += 1;
    for (std::int64_t i = 0; i < kWidth; ++i) point[p * kWidth + i] *= length[p];
  }
  return point;
}

double length_of(const float* x) {
  double squares = 0;
  for (std::int64_t i = 0; i < kWidth; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return std::sqrt(squares);
}

}  // namespace

TEST_CASE("centroids are unit vectors along the directions that the points lie in, whatever the points' lengths") {
  Context ctx;
  const Buffer<float> point = around_axes(4, 30);
  Buffer<float> centroid(4 * kWidth);
  layers::spherical_centroids(ctx, point.view(120, kWidth), seeded(), centroid.view(4, kWidth));
  for (std::int64_t c = 0; c < 4; ++c) {
    CHECK(length_of(centroid.data() + c * kWidth) == Approx(1).margin(1e-6));
    CHECK(centroid[c * kWidth + c] > 0.99f);
  }
}

TEST_CASE("every centroid is the direction of the sum of the points that it beats the others for") {
  Context ctx;
  const std::int64_t points = 200, count = 5;
  const Buffer<float> point = around_axes(5, 40);  // clear clusters, so that the rounds have settled
  Buffer<float> centroid(count * kWidth);
  layers::spherical_centroids(ctx, point.view(points, kWidth), seeded(), centroid.view(count, kWidth));
  std::vector<double> sum(static_cast<std::size_t>(count * kWidth));
  for (std::int64_t p = 0; p < points; ++p) {
    std::vector<double> score(count);
    for (std::int64_t c = 0; c < count; ++c)
      for (std::int64_t i = 0; i < kWidth; ++i)
        score[static_cast<std::size_t>(c)] += double{point[p * kWidth + i]} * double{centroid[c * kWidth + i]};
    const auto best = std::max_element(score.begin(), score.end()) - score.begin();
    for (std::int64_t i = 0; i < kWidth; ++i) sum[static_cast<std::size_t>(best * kWidth + i)] += double{point[p * kWidth + i]};
  }
  for (std::int64_t c = 0; c < count; ++c) {
    double squares = 0;
    for (std::int64_t i = 0; i < kWidth; ++i) squares += std::pow(sum[static_cast<std::size_t>(c * kWidth + i)], 2);
    for (std::int64_t i = 0; i < kWidth; ++i)
      CHECK(centroid[c * kWidth + i] == Approx(sum[static_cast<std::size_t>(c * kWidth + i)] / std::sqrt(squares)).margin(1e-6));
  }
}

TEST_CASE("centroids have the same bits for any number of threads, and read points at a stride") {
  Context one(Device{}, 1), two(Device{}, 2);
  const Buffer<float> point = random_normal(300 * 2 * kWidth, 3);
  Buffer<float> a(7 * kWidth), b(7 * kWidth), c(7 * kWidth), packed(300 * kWidth);
  for (std::int64_t p = 0; p < 300; ++p)
    for (std::int64_t i = 0; i < kWidth; ++i) packed[p * kWidth + i] = point[p * 2 * kWidth + i];
  const Matrix<const float> strided(point.data(), 300, kWidth, 2 * kWidth);
  layers::spherical_centroids(one, strided, seeded(), a.view(7, kWidth));
  layers::spherical_centroids(two, strided, seeded(), b.view(7, kWidth));
  layers::spherical_centroids(one, View<const float, 2>(packed.view(300, kWidth)), seeded(), c.view(7, kWidth));
  CHECK(same_bits(a, b));
  CHECK(same_bits(a, c));
}

TEST_CASE("centroids that no point belongs to stay where they were: beyond the points, or of points that are all zero") {
  Context ctx;
  const Buffer<float> point = random_normal(3 * kWidth, 4), zeros(3 * kWidth);
  Buffer<float> centroid(5 * kWidth);
  const Buffer<float> away = random_normal(2 * kWidth, 5, 1e-3);  // too short to win a point
  std::copy_n(away.data(), away.size(), centroid.data() + 3 * kWidth);
  layers::spherical_centroids(ctx, point.view(3, kWidth), seeded(), centroid.view(5, kWidth));
  for (std::int64_t p = 0; p < 3; ++p) CHECK(length_of(centroid.data() + p * kWidth) == Approx(1).margin(1e-6));
  CHECK(std::equal(away.data(), away.data() + away.size(), centroid.data() + 3 * kWidth));

  const Buffer<float> kept = copy_of(centroid);
  layers::spherical_centroids(ctx, zeros.view(3, kWidth), seeded(), centroid.view(5, kWidth));
  CHECK(same_bits(centroid, kept));
}
