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

void check_column(const std::vector<double>& column, std::size_t T) {
  require(column.empty() || column.size() == T, "retention: what is measured beside L must have a cell for each domain, or none");
  for (double cell : column) require(!std::isinf(cell), "retention: what is measured beside L must be finite or missing");
}

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
  for (const auto* column : {&matrix.naive, &matrix.joint, &matrix.oracle, &matrix.stability_gap}) check_column(*column, T);
}

namespace {

// The running average over the domains seen, averaged over stages: a method that forgets and recovers is not the one that never forgot.
double area_of(const RetentionMatrix& matrix) {
  std::vector<double> stages;
  for (std::size_t i = 1; i < matrix.loss.size(); ++i)
    stages.push_back(mean({matrix.loss[i].begin(), matrix.loss[i].begin() + static_cast<std::ptrdiff_t>(i)}));
  return mean(stages);
}

void derive_regret(const RetentionMatrix& matrix, RetentionNumbers& numbers) {
  const std::size_t T = matrix.domains.size();
  if (matrix.oracle.empty()) return;
  std::vector<double> own, later, earlier;
  for (std::size_t i = 1; i <= T; ++i)
    for (std::size_t j = 1; j <= T; ++j) (i == j ? own : j < i ? later : earlier).push_back(matrix.loss[i][j - 1] - matrix.oracle[j - 1]);
  numbers.regret_own = mean(own), numbers.regret_later = mean(later), numbers.regret_earlier = mean(earlier);
}

}  // namespace

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
  numbers.intransigence.assign(T, kMissing);
  for (std::size_t j = 1; j <= T; ++j) {
    if (!matrix.naive.empty()) numbers.plasticity[j - 1] = share(L(j - 1, j) - L(j, j), L(j - 1, j) - matrix.naive[j - 1]);
    if (!matrix.joint.empty()) numbers.intransigence[j - 1] = L(j, j) - matrix.joint[j - 1];
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
  numbers.area = area_of(matrix);
  numbers.intransigence_mean = mean(numbers.intransigence);
  numbers.stability_gap_mean = mean(matrix.stability_gap);
  numbers.stability_gap_max = largest(matrix.stability_gap);
  derive_regret(matrix, numbers);
  return numbers;
}

}  // namespace peer::trainer
