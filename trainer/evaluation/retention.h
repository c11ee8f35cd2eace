// The matrix L and every number derived from it. L[i][j] is bits per byte on the held-out documents of domain j after stage i of S; row 0
// is the state before the stream. own(j) is the stage that taught domain j. In the literature every domain has one stage and S = T; here a
// domain may come back and views may be folded, and each of these is a stage too, so that nothing that it cost an older domain is hidden.
// Forgetting is positive when things got worse, transfer is positive when they got better.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/state/learning_history.h"

namespace peer::trainer {

struct RetentionMatrix {
  std::vector<std::string> domains;       // T, in the order in which they arrived
  std::vector<std::string> stages;        // S+1; stages[0] is the state before the stream
  std::vector<std::vector<double>> loss;  // (S+1, T), kMissing where not measured
  std::vector<std::size_t> learnt;        // T: the row right after the domain's own stage, the first on it; S+1 when it had none yet
  // Measured beside it, T each, kMissing where not measured; or empty.
  std::vector<double> naive = {};          // L[own(j)][j] of naive fine-tuning from the same parent
  std::vector<double> joint = {};          // L*_j: domain j after joint training on the domains 1..j
  std::vector<double> oracle = {};         // domain j with a model that was trained for it (alone, or with everything at hand)
  std::vector<double> stability_gap = {};  // max over the steps n inside later stages of L_n[j] - L[own(j)][j]  (De Lange et al. 2023)

  std::size_t last() const { return loss.size() - 1; }                      // S
  bool older(std::size_t domain) const { return learnt[domain] < last(); }  // a stage came after its own
  bool any_older() const;
  double at(std::size_t stage, std::size_t domain) const {  // kMissing beyond the last stage
    return stage < loss.size() ? loss[stage][domain] : kMissing;
  }
};

// What a history says of it: a row a stage, a column a domain.
RetentionMatrix matrix_of(const History& history);

// Throws ContractError unless the sizes agree and every cell is finite or missing; a matrix without domains may be empty altogether.
void check_shape(const RetentionMatrix& matrix);

struct RetentionNumbers {
  double final_average = kMissing;      // mean_j L[S][j]
  double backward_transfer = kMissing;  // mean over own(j) < S of L[own(j)][j] - L[S][j]                (Lopez-Paz & Ranzato 2017)
  double forward_transfer = kMissing;   // mean over own(j) > 1 of L[0][j] - L[own(j)-1][j]              (same)
  double area = kMissing;               // 1/S sum_i (mean over own(j) <= i of L[i][j]): "average incremental"  (Rebuffi et al. 2017)
  std::vector<double> forgetting;       // f_j = L[S][j] - min_{1<=l<S} L[l][j], own(j) < S; kMissing else  (Chaudhry et al. 2018)
  double forgetting_mean = kMissing, forgetting_max = kMissing;
  std::vector<double> plasticity;  // (L[own(j)-1][j] - L[own(j)][j]) / (L[own(j)-1][j] - naive[j]); kMissing without a naive run
  double plasticity_mean = kMissing;
  // (L[own(j)-1][j] - L[S][j]) / (L[own(j)-1][j] - L[own(j)][j]), own(j) < S; else it would be 1 by definition. What a domain got from
  // its own stage, not what the stages before it brought: below 0 it is worse than before it was learnt.
  std::vector<double> retention;
  double retention_mean = kMissing;
  std::vector<double> intransigence;  // L[own(k)][k] - L*_k                                   (Chaudhry et al. 2018)
  double intransigence_mean = kMissing;
  // L[i][j] - L_oracle[j], i >= 1: mean over a domain's own stage (i = own(j)), later and earlier ones   (Li et al. 2025, TiC-LM)
  double regret_own = kMissing, regret_later = kMissing, regret_earlier = kMissing;
  double stability_gap_mean = kMissing, stability_gap_max = kMissing;
};

// Every mean is over the cells that exist; a number without any is kMissing. Plasticity and retention are shares of a gain: one of less
// than kSmallestGain is noise, a share of it means nothing, and the number is kMissing.
//
// Forgetting compares the last row with the best of the rows 1..S-1, as Chaudhry et al.: row 0, the state before the stream, does not
// count, and neither does the last row, so a domain that keeps improving has negative forgetting. Avalanche instead reports
// L[S][j] - L[own(j)][j], which is -BWT by domain; Mammoth takes the best over all rows, the last included, so its forgetting is never
// negative.
constexpr double kSmallestGain = 1e-3;  // bits per byte
RetentionNumbers derive(const RetentionMatrix& matrix);

}  // namespace peer::trainer
