#include "peer/layers/centroids.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "peer/base/require.h"

namespace peer::layers {
namespace {

constexpr int kRounds = 10;

// The row of `centroid` with the largest inner product, the first of several.
std::int64_t best_match(const float* x, View<const float, 2> centroid) {
  std::int64_t best = 0;
  float best_score = -std::numeric_limits<float>::infinity();
  for (std::int64_t c = 0; c < centroid.shape[0]; ++c) {
    const float* y = centroid.row(c);
    float score = 0;
#pragma omp simd reduction(+ : score)
    for (std::int64_t i = 0; i < centroid.shape[1]; ++i) score += x[i] * y[i];
    if (score > best_score) best = c, best_score = score;
  }
  return best;
}

// unit = x / |x|; untouched when x is zero, which points nowhere.
template <class Number>
void set_direction(const Number* x, std::int64_t width, float* unit) {
  double squares = 0;
  for (std::int64_t i = 0; i < width; ++i) squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  if (squares == 0) return;
  const double inverse = 1 / std::sqrt(squares);
  for (std::int64_t i = 0; i < width; ++i) unit[i] = static_cast<float>(inverse * static_cast<double>(x[i]));
}

}  // namespace

void spherical_centroids(Context& ctx, Matrix<const float> point, const Random& random, View<float, 2> centroid) {
  const std::int64_t points = point.rows, width = point.columns, drawn = std::min(centroid.shape[0], points);
  require(centroid.shape[1] == width, "spherical_centroids: points and centroids must be of one width");
  const auto at = [&](std::int64_t p) { return point.data + p * point.stride; };
  for (std::int64_t c = 0; c < drawn; ++c) {  // one of each of as many stretches: no point comes twice
    const std::int64_t first = c * points / drawn, end = (c + 1) * points / drawn;
    const auto step = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(c), static_cast<std::uint64_t>(end - first)));
    set_direction(at(first + step), width, centroid.row(c));
  }
  std::vector<std::int64_t> cluster(static_cast<std::size_t>(points));
  std::vector<double> sum(static_cast<std::size_t>(centroid.size()));
  for (int round = 0; round < kRounds; ++round) {
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
    for (std::int64_t p = 0; p < points; ++p) cluster[static_cast<std::size_t>(p)] = best_match(at(p), centroid);
    std::fill(sum.begin(), sum.end(), 0.0);
    for (std::int64_t p = 0; p < points; ++p) {
      double* of_cluster = sum.data() + cluster[static_cast<std::size_t>(p)] * width;
      for (std::int64_t i = 0; i < width; ++i) of_cluster[i] += static_cast<double>(at(p)[i]);
    }
    for (std::int64_t c = 0; c < centroid.shape[0]; ++c) set_direction(sum.data() + c * width, width, centroid.row(c));
  }
}

}  // namespace peer::layers
