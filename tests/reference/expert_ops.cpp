#include "tests/reference/expert_ops.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace peer::reference {
namespace {

// The elements that share an element's statistics: its column (batch), or its token's head (layer, rms).
template <class Body>
void for_each_group(QueryNormKind kind, const QueryShape& s, Body&& body) {
  std::vector<std::int64_t> member;
  if (kind == QueryNormKind::kBatch) {
    for (std::int64_t c = 0; c < s.columns(); ++c) {
      member.clear();
      for (std::int64_t n = 0; n < s.tokens; ++n) member.push_back(n * s.columns() + c);
      body(member);
    }
    return;
  }
  for (std::int64_t g = 0; g < s.tokens * s.heads; ++g) {
    member.resize(static_cast<std::size_t>(s.width));
    std::iota(member.begin(), member.end(), g * s.width);
    body(member);
  }
}

struct Moments {
  double mean = 0, inverse_std = 0;
};

bool frozen(const QueryNormSettings& settings) {
  return settings.kind == QueryNormKind::kBatch && settings.statistics == ops::Statistics::kFrozen;
}

Moments moments(const QueryNormSettings& settings, const QueryShape& s, const Numbers& q, const std::vector<std::int64_t>& member) {
  if (frozen(settings)) {
    const std::int64_t c = member.front() % s.columns();
    return {settings.running_mean[c], 1 / std::sqrt(settings.running_variance[c] + settings.epsilon)};
  }
  const double count = static_cast<double>(member.size());
  double mean = 0, variance = 0;
  if (settings.kind != QueryNormKind::kRms)
    for (auto i : member) mean += q[i] / count;
  for (auto i : member) variance += (q[i] - mean) * (q[i] - mean) / count;
  return {mean, 1 / std::sqrt(variance + settings.epsilon)};
}

double dot(const double* a, const double* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

const double* key_of(const GridShape& s, const Numbers& keys, std::int64_t head, std::int64_t subkey) {
  return keys.data() + ((s.sets == 1 ? 0 : head) * s.subkeys + subkey) * s.half_width;
}

std::vector<float> half_scores(const GridShape& s, const double* query, const Numbers& keys, std::int64_t head) {
  std::vector<float> scores;
  for (std::int64_t i = 0; i < s.open; ++i) scores.push_back(static_cast<float>(dot(query, key_of(s, keys, head, i), s.half_width)));
  return scores;
}

struct Cell {
  float score;
  std::int32_t row, column;
};

// Higher score first, NaN last, then the lower row, then the lower column.
bool better(const Cell& a, const Cell& b) {
  const bool a_nan = std::isnan(a.score), b_nan = std::isnan(b.score);
  if (a_nan != b_nan) return b_nan;
  if (!a_nan && a.score != b.score) return a.score > b.score;
  return a.row != b.row ? a.row < b.row : a.column < b.column;
}

std::vector<std::int32_t> every_subkey(const std::vector<float>& scores) {
  std::vector<std::int32_t> all(scores.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<std::int32_t> best_subkeys(const std::vector<float>& scores, std::int64_t count) {
  std::vector<std::int32_t> all = every_subkey(scores);
  std::sort(all.begin(), all.end(), [&](auto a, auto b) { return better({scores[a], a, 0}, {scores[b], b, 0}); });
  all.resize(static_cast<std::size_t>(count));
  return all;
}

Picks topk(const GridShape& s, const Numbers& query, const Numbers& rows, const Numbers& columns, bool whole) {
  Picks picks;
  for (std::int64_t q = 0; q < s.tokens * s.heads; ++q) {
    const std::vector<float> s1 = half_scores(s, query.data() + q * 2 * s.half_width, rows, q % s.heads);
    const std::vector<float> s2 = half_scores(s, query.data() + (q * 2 + 1) * s.half_width, columns, q % s.heads);
    std::vector<Cell> cells;
    for (auto row : whole ? every_subkey(s1) : best_subkeys(s1, s.picks))
      for (auto column : whole ? every_subkey(s2) : best_subkeys(s2, s.picks)) cells.push_back({s1[row] + s2[column], row, column});
    std::sort(cells.begin(), cells.end(), better);
    for (std::int64_t k = 0; k < s.picks; ++k) {
      picks.row.push_back(cells[k].row);
      picks.column.push_back(cells[k].column);
      picks.score.push_back(cells[k].score);
    }
  }
  return picks;
}

}  // namespace

Numbers query_norm(const QueryNormSettings& settings, const QueryShape& s, const Numbers& q, const Numbers& weight, const Numbers& bias) {
  if (settings.kind == QueryNormKind::kNone) return q;
  Numbers y(q.size());
  for_each_group(settings.kind, s, [&](const std::vector<std::int64_t>& member) {
    const Moments m = moments(settings, s, q, member);
    for (auto i : member) {
      const std::int64_t c = i % s.columns();
      y[i] = (q[i] - m.mean) * m.inverse_std * weight[c] + (settings.kind == QueryNormKind::kRms ? 0 : bias[c]);
    }
  });
  return y;
}

QueryNormGradients query_norm_backward(const QueryNormSettings& settings, const QueryShape& s, const Numbers& q, const Numbers& weight,
                                       const Numbers& dy) {
  QueryNormGradients out{dy, Numbers(static_cast<std::size_t>(s.columns())), Numbers(static_cast<std::size_t>(s.columns()))};
  if (settings.kind == QueryNormKind::kNone) return out;
  for_each_group(settings.kind, s, [&](const std::vector<std::int64_t>& member) {
    const Moments m = moments(settings, s, q, member);
    const double count = static_cast<double>(member.size());
    double mean_u = 0, mean_uz = 0;
    for (auto i : member) {
      const std::int64_t c = i % s.columns();
      const double z = (q[i] - m.mean) * m.inverse_std, u = dy[i] * weight[c];
      mean_u += u / count;
      mean_uz += u * z / count;
      out.dweight[c] += dy[i] * z;
      out.dbias[c] += dy[i];
    }
    if (settings.kind == QueryNormKind::kRms) mean_u = 0;
    if (frozen(settings)) mean_u = mean_uz = 0;
    for (auto i : member) {
      const double z = (q[i] - m.mean) * m.inverse_std;
      out.dq[i] = m.inverse_std * (dy[i] * weight[i % s.columns()] - mean_u - z * mean_uz);
    }
  });
  return out;
}

Picks product_key_topk(const GridShape& shape, const Numbers& query, const Numbers& rows, const Numbers& columns) {
  return topk(shape, query, rows, columns, false);
}

Picks whole_grid_topk(const GridShape& shape, const Numbers& query, const Numbers& rows, const Numbers& columns) {
  return topk(shape, query, rows, columns, true);
}

Numbers pick_scores(const GridShape& s, const Numbers& query, const Numbers& rows, const Numbers& columns, const Picks& picks) {
  Numbers scores;
  for (std::int64_t i = 0; i < s.pick_size(); ++i) {
    const std::int64_t q = i / s.picks, head = q % s.heads;
    const double* halves = query.data() + q * 2 * s.half_width;
    scores.push_back(dot(halves, key_of(s, rows, head, picks.row[i]), s.half_width) +
                     dot(halves + s.half_width, key_of(s, columns, head, picks.column[i]), s.half_width));
  }
  return scores;
}

ProductKeyGradients pick_scores_backward(const GridShape& s, const Numbers& query, const Numbers& rows, const Numbers& columns,
                                         const Picks& picks, const Numbers& dscore) {
  ProductKeyGradients out{Numbers(query.size()), Numbers(rows.size()), Numbers(columns.size())};
  for (std::int64_t i = 0; i < s.pick_size(); ++i) {
    const std::int64_t q = i / s.picks, head = q % s.heads, row_half = q * 2 * s.half_width, column_half = row_half + s.half_width;
    const std::int64_t row = key_of(s, rows, head, picks.row[i]) - rows.data();
    const std::int64_t column = key_of(s, columns, head, picks.column[i]) - columns.data();
    for (std::int64_t d = 0; d < s.half_width; ++d) {
      out.dquery[row_half + d] += dscore[i] * rows[row + d];
      out.dquery[column_half + d] += dscore[i] * columns[column + d];
      out.drows[row + d] += dscore[i] * query[row_half + d];
      out.dcolumns[column + d] += dscore[i] * query[column_half + d];
    }
  }
  return out;
}

Numbers router_gate(GateKind kind, const Numbers& score, std::int64_t picks) {
  Numbers gate(score.size());
  for (std::size_t i = 0; i < score.size(); ++i) {
    if (kind == GateKind::kSigmoid) gate[i] = 1 / (1 + std::exp(-score[i]));
    if (kind == GateKind::kRelu) gate[i] = std::max(score[i], 0.0);
    if (kind != GateKind::kSoftmax) continue;
    const std::size_t first = i / static_cast<std::size_t>(picks) * static_cast<std::size_t>(picks);
    double sum = 0;
    for (std::size_t j = first; j < first + static_cast<std::size_t>(picks); ++j) sum += std::exp(score[j] - score[i]);
    gate[i] = 1 / sum;
  }
  return gate;
}

Numbers router_gate_backward(GateKind kind, const Numbers& score, const Numbers& dgate, std::int64_t picks) {
  const Numbers gate = router_gate(kind, score, picks);
  Numbers dscore(score.size());
  for (std::size_t i = 0; i < score.size(); ++i) {
    if (kind == GateKind::kSigmoid) dscore[i] = gate[i] * (1 - gate[i]) * dgate[i];
    if (kind == GateKind::kRelu) dscore[i] = score[i] > 0 ? dgate[i] : 0;
    if (kind != GateKind::kSoftmax) continue;
    const std::size_t first = i / static_cast<std::size_t>(picks) * static_cast<std::size_t>(picks);
    dscore[i] = gate[i] * (dgate[i] - dot(&gate[first], &dgate[first], picks));
  }
  return dscore;
}

double activate(ActivationKind kind, double z) {
  return kind == ActivationKind::kRelu ? std::max(z, 0.0) : z * 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

double activate_derivative(ActivationKind kind, double z) {
  if (kind == ActivationKind::kRelu) return z > 0 ? 1 : 0;
  return 0.5 * std::erfc(-z / std::numbers::sqrt2) + z * std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
}

MixResult expert_mix(ActivationKind kind, const MixShape& s, const Numbers& x, const std::vector<std::int64_t>& id, const Numbers& gate,
                     const Numbers& down, const Numbers& up) {
  MixResult out{Numbers(id.size()), Numbers(x.size())};
  for (std::size_t i = 0; i < id.size(); ++i) {
    const std::int64_t n = static_cast<std::int64_t>(i) / s.picks;
    out.hidden[i] = dot(&x[n * s.width], &down[id[i] * s.width], s.width);
    for (std::int64_t d = 0; d < s.width; ++d) out.y[n * s.width + d] += gate[i] * activate(kind, out.hidden[i]) * up[id[i] * s.width + d];
  }
  return out;
}

MixGradients expert_mix_backward(ActivationKind kind, const MixShape& s, const Numbers& x, const std::vector<std::int64_t>& id,
                                 const Numbers& gate, const Numbers& down, const Numbers& up, const Numbers& dy) {
  const Numbers hidden = expert_mix(kind, s, x, id, gate, down, up).hidden;
  MixGradients out{Numbers(id.size()), Numbers(id.size()), Numbers(id.size()), Numbers(x.size()), Numbers(down.size()), Numbers(up.size())};
  for (std::size_t i = 0; i < id.size(); ++i) {
    const std::int64_t token = static_cast<std::int64_t>(i) / s.picks * s.width, expert = id[i] * s.width;
    const double u = dot(&dy[token], &up[expert], s.width);
    out.dgate[i] = activate(kind, hidden[i]) * u;
    out.dhidden[i] = gate[i] * activate_derivative(kind, hidden[i]) * u;
    out.up_weight[i] = gate[i] * activate(kind, hidden[i]);
    for (std::int64_t d = 0; d < s.width; ++d) {
      out.dx[token + d] += out.dhidden[i] * down[expert + d];
      out.ddown[expert + d] += out.dhidden[i] * x[token + d];
      out.dup[expert + d] += out.up_weight[i] * dy[token + d];
    }
  }
  return out;
}

void adamw_row(RecordState& record, Numbers gradient, const RowRates& r) {
  const double norm = std::sqrt(dot(gradient.data(), gradient.data(), static_cast<std::int64_t>(gradient.size())));
  if (r.clip > 0 && norm > r.clip)
    for (double& g : gradient) g *= r.clip / norm;
  record.steps += 1;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    record.m[i] = r.beta1 * record.m[i] + (1 - r.beta1) * gradient[i];
    record.v[i] = r.beta2 * record.v[i] + (1 - r.beta2) * gradient[i] * gradient[i];
    const double m = record.m[i] / (1 - std::pow(r.beta1, record.steps)), v = record.v[i] / (1 - std::pow(r.beta2, record.steps));
    record.weight[i] -= r.learning_rate * (m / (std::sqrt(v) + r.epsilon) + r.weight_decay * record.weight[i]);
  }
}

}  // namespace peer::reference
