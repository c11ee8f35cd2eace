#include "trainer/evaluation/retention.h"

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

bool RetentionMatrix::any_older() const {
  for (std::size_t j = 0; j < domains.size(); ++j)
    if (older(j)) return true;
  return false;
}

RetentionMatrix matrix_of(const History& history) {
  RetentionMatrix matrix;
  for (const DomainRecord& d : history.domains) {
    matrix.domains.push_back(d.name), matrix.naive.push_back(d.naive);
    double gap = kMissing;
    for (const StageRecord& stage : history.stages)
      if (const auto score = stage.inside.find(d.name); score != stage.inside.end())
        gap = std::fmax(gap, score->second.worst - score->second.learnt);
    matrix.stability_gap.push_back(gap);
  }
  for (const DomainRecord& d : history.domains) matrix.learnt.push_back(history.learnt(d.name));
  for (std::size_t stage = 0; stage < history.stages.size(); ++stage) {
    matrix.stages.push_back(history.stage_name(stage));
    auto& row = matrix.loss.emplace_back();
    for (const DomainRecord& d : history.domains) row.push_back(history.loss(stage, d.name));
  }
  return matrix;
}

void check_shape(const RetentionMatrix& matrix) {
  const std::size_t T = matrix.domains.size();
  if (T == 0) return;
  require(!matrix.loss.empty() && matrix.stages.size() == matrix.loss.size(), "retention: loss must have a row for each stage");
  require(matrix.learnt.size() == T, "retention: learnt must name a stage for each domain");
  for (std::size_t stage : matrix.learnt)
    require(stage >= 1 && stage <= matrix.loss.size(), "retention: a domain is learnt in a stage after the state before the stream");
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
  for (std::size_t i = 1; i <= matrix.last(); ++i) {
    std::vector<double> seen;
    for (std::size_t j = 0; j < matrix.domains.size(); ++j)
      if (matrix.learnt[j] <= i) seen.push_back(matrix.loss[i][j]);
    stages.push_back(mean(seen));
  }
  return mean(stages);
}

void derive_regret(const RetentionMatrix& matrix, RetentionNumbers& numbers) {
  if (matrix.oracle.empty()) return;
  std::vector<double> own, later, earlier;
  for (std::size_t i = 1; i <= matrix.last(); ++i)
    for (std::size_t j = 0; j < matrix.domains.size(); ++j)
      (i == matrix.learnt[j] ? own : i > matrix.learnt[j] ? later : earlier).push_back(matrix.loss[i][j] - matrix.oracle[j]);
  numbers.regret_own = mean(own), numbers.regret_later = mean(later), numbers.regret_earlier = mean(earlier);
}

}  // namespace

RetentionNumbers derive(const RetentionMatrix& matrix) {
  RetentionNumbers numbers;
  const std::size_t T = matrix.domains.size();
  check_shape(matrix);
  if (T == 0) return numbers;

  const std::size_t S = matrix.last();
  std::vector<double> backward, forward;
  numbers.forgetting.assign(T, kMissing);
  numbers.plasticity.assign(T, kMissing);
  numbers.retention.assign(T, kMissing);
  numbers.intransigence.assign(T, kMissing);
  for (std::size_t j = 0; j < T; ++j) {
    const std::size_t own = matrix.learnt[j];
    const double first = matrix.at(0, j), before = matrix.at(own - 1, j), learnt = matrix.at(own, j), now = matrix.at(S, j);
    if (!matrix.naive.empty()) numbers.plasticity[j] = share(before - learnt, before - matrix.naive[j]);
    if (!matrix.joint.empty()) numbers.intransigence[j] = learnt - matrix.joint[j];
    if (own > 1) forward.push_back(first - before);
    if (!matrix.older(j)) continue;  // nothing came after it
    double best = kMissing;
    for (std::size_t l = 1; l < S; ++l) best = std::fmin(best, matrix.at(l, j));
    numbers.forgetting[j] = now - best;
    numbers.retention[j] = share(before - now, before - learnt);
    backward.push_back(learnt - now);
  }

  numbers.final_average = mean(matrix.loss[S]);
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
