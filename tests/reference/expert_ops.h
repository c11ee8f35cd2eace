// The oracle of the expert ops: their formulas as plain loops in double precision. Shapes and meanings are those of peer/ops/*.h.
// What the ops add to is returned here on its own.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/ops/activation.h"
#include "peer/ops/query_norm.h"
#include "peer/ops/router_gate.h"

namespace peer::reference {

using Numbers = std::vector<double>;

struct QueryShape {
  std::int64_t tokens, heads, width;  // N, H, d_key
  std::int64_t columns() const { return heads * width; }
  std::int64_t size() const { return tokens * columns(); }
};
struct QueryNormSettings {
  QueryNormKind kind;
  ops::Statistics statistics;
  double epsilon;
  Numbers running_mean, running_variance;  // read by batch norm with frozen statistics
};
Numbers query_norm(const QueryNormSettings& settings, const QueryShape& shape, const Numbers& q, const Numbers& weight,
                   const Numbers& bias);
struct QueryNormGradients {
  Numbers dq, dweight, dbias;
};
QueryNormGradients query_norm_backward(const QueryNormSettings& settings, const QueryShape& shape, const Numbers& q, const Numbers& weight,
                                       const Numbers& dy);

struct GridShape {
  std::int64_t tokens, heads, half_width, sets, subkeys, open, picks;  // N, H, d_half, S, n, open, K
  std::int64_t query_size() const { return tokens * heads * 2 * half_width; }
  std::int64_t key_size() const { return sets * subkeys * half_width; }
  std::int64_t pick_size() const { return tokens * heads * picks; }
};
struct Picks {
  std::vector<std::int32_t> row, column;  // (N, H, K)
  std::vector<float> score;               // (N, H, K)
};
// The best K of the K*K candidates by sorting all of them. Scores of the halves are rounded to float, and a pick's score is their float
// sum: the picks are a function of these numbers.
Picks product_key_topk(const GridShape& shape, const Numbers& query, const Numbers& rows, const Numbers& columns);
// The best K of all open*open cells whose score is the exact sum of its halves.
Picks whole_grid_topk(const GridShape& shape, const Numbers& query, const Numbers& rows, const Numbers& columns);
// (N, H, K): the scores of given picks, which the backward differentiates.
Numbers pick_scores(const GridShape& shape, const Numbers& query, const Numbers& rows, const Numbers& columns, const Picks& picks);
struct ProductKeyGradients {
  Numbers dquery, drows, dcolumns;
};
ProductKeyGradients pick_scores_backward(const GridShape& shape, const Numbers& query, const Numbers& rows, const Numbers& columns,
                                         const Picks& picks, const Numbers& dscore);

Numbers router_gate(GateKind kind, const Numbers& score, std::int64_t picks);
Numbers router_gate_backward(GateKind kind, const Numbers& score, const Numbers& dgate, std::int64_t picks);

double activate(ActivationKind kind, double z);
double activate_derivative(ActivationKind kind, double z);

struct MixShape {
  std::int64_t tokens, picks, width, experts;  // N, R, D, E
};
struct MixResult {
  Numbers hidden, y;
};
// down, up (E, D)
MixResult expert_mix(ActivationKind kind, const MixShape& shape, const Numbers& x, const std::vector<std::int64_t>& id, const Numbers& gate,
                     const Numbers& down, const Numbers& up);
struct MixGradients {
  Numbers dgate, dhidden, up_weight, dx;
  Numbers ddown, dup;  // (E, D)
};
MixGradients expert_mix_backward(ActivationKind kind, const MixShape& shape, const Numbers& x, const std::vector<std::int64_t>& id,
                                 const Numbers& gate, const Numbers& down, const Numbers& up, const Numbers& dy);

// One record's update: parameters, moments (2D each) and step count.
struct RecordState {
  Numbers weight, m, v;
  double steps = 0;
};
struct RowRates {
  double learning_rate, beta1, beta2, epsilon, weight_decay, clip;
};
void adamw_row(RecordState& record, Numbers gradient, const RowRates& rates);

}  // namespace peer::reference
