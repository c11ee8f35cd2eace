#include "trainer/retention.h"

#include <cmath>
#include <cstddef>

#include "peer/base/require.h"

namespace peer::trainer {
namespace {

// NaN in, NaN out: a number with a missing part is missing. Only the means below skip what is missing.
double mean(const std::vector<double>& values) {
  double sum = 0;
  int count = 0;
  for (double value : values)
    if (!std::isnan(value)) sum += value, ++count;
  return count > 0 ? sum / count : kMissing;
}

double largest(const std::vector<double>& values) {
  double best = kMissing;
  for (double value : values) best = std::fmax(best, value);  // fmax and fmin prefer a number to NaN
  return best;
}

// kept / gained, or kMissing when nothing worth a ratio was gained. A NaN gain fails the comparison.
double share(double kept, double gained) { return gained >= kSmallestGain ? kept / gained : kMissing; }

}  // namespace

void check_shape(const RetentionMatrix& matrix) {
  const std::size_t T = matrix.domains.size();
  if (T == 0) return;
  require(matrix.stages.size() == T + 1, "retention: stages must be one more than domains");
  require(matrix.loss.size() == T + 1, "retention: loss must have a row for each stage");
  for (const auto& row : matrix.loss) {
    require(row.size() == T, "retention: each row of loss must have a cell for each domain");
    for (double cell : row) require(!std::isinf(cell), "retention: a loss must be finite or missing");
  }
  require(matrix.naive.empty() || matrix.naive.size() == T, "retention: naive must have a cell for each domain, or none");
  for (double cell : matrix.naive) require(!std::isinf(cell), "retention: a naive loss must be finite or missing");
}

RetentionNumbers derive(const RetentionMatrix& matrix) {
  RetentionNumbers numbers;
  const std::size_t T = matrix.domains.size();
  check_shape(matrix);
  if (T == 0) return numbers;

  // Domains count from 1, as the rows do: L(j, j) is the loss of domain j right after its stage.
  const auto L = [&](std::size_t stage, std::size_t domain) { return matrix.loss[stage][domain - 1]; };
  std::vector<double> backward, forward;
  numbers.forgetting.assign(T, kMissing);
  numbers.plasticity.assign(T, kMissing);
  numbers.retention.assign(T, kMissing);
  for (std::size_t j = 1; j <= T; ++j) {
    if (!matrix.naive.empty()) numbers.plasticity[j - 1] = share(L(j - 1, j) - L(j, j), L(j - 1, j) - matrix.naive[j - 1]);
    if (j >= 2) forward.push_back(L(0, j) - L(j - 1, j));
    if (j == T) break;  // nothing came after the last domain
    double best = kMissing;
    for (std::size_t l = 1; l < T; ++l) best = std::fmin(best, L(l, j));
    numbers.forgetting[j - 1] = L(T, j) - best;
    numbers.retention[j - 1] = share(L(0, j) - L(T, j), L(0, j) - L(j, j));
    backward.push_back(L(j, j) - L(T, j));
  }

  numbers.final_average = mean(matrix.loss[T]);
  numbers.backward_transfer = mean(backward);
  numbers.forward_transfer = mean(forward);
  numbers.forgetting_mean = mean(numbers.forgetting);
  numbers.forgetting_max = largest(numbers.forgetting);
  numbers.plasticity_mean = mean(numbers.plasticity);
  numbers.retention_mean = mean(numbers.retention);
  return numbers;
}

}  // namespace peer::trainer
