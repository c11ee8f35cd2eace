#include "trainer/strategies/sparse_rows.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

namespace peer::trainer {

SparseRows::SparseRows(RetrievalBackground background, std::int64_t rows, double rate)
    : background_(std::move(background)), rows_(rows), rate_(rate) {}

void SparseRows::choose(const RetrievalCounts& batch) {
  double retrievals = 0;
  for (const auto& [block, counts] : batch)
    for (const auto& [expert, count] : counts) retrievals += static_cast<double>(count);
  std::vector<std::tuple<double, BlockId, std::int64_t>> ranking;  // the negated score first: the smallest wins
  for (const auto& [block, counts] : batch)
    for (const auto& [expert, count] : counts) {
      const double rarity = std::log((background_.batches() + 1) / (background_.with(block, expert) + 1));
      ranking.emplace_back(-static_cast<double>(count) / retrievals * rarity, block, expert);
    }
  const auto kept = std::min(static_cast<std::ptrdiff_t>(rows_), static_cast<std::ptrdiff_t>(ranking.size()));
  std::partial_sort(ranking.begin(), ranking.begin() + kept, ranking.end());
  chosen_.clear();
  for (auto row = ranking.begin(); row != ranking.begin() + kept; ++row) chosen_[std::get<1>(*row)].insert(std::get<2>(*row));
}

bool SparseRows::chosen(BlockId block, std::int64_t expert) const {
  const auto at = chosen_.find(block);
  return at != chosen_.end() && at->second.contains(expert);
}

void descend_rows(layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<const float, 2> gradient, double rate, double clip,
                  std::uint64_t rounding) {
  layers::ExpertTable& experts = block.experts();
  const std::int64_t record = gradient.shape[1];
  std::vector<float> w(static_cast<std::size_t>(record));
  for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
    const float* g = gradient.row(c);
    double squares = 0;
    for (std::int64_t i = 0; i < record; ++i) squares += static_cast<double>(g[i]) * static_cast<double>(g[i]);
    const double norm = std::sqrt(squares);
    const auto factor = static_cast<float>(clip > 0 && norm > clip ? rate * clip / norm : rate);
    experts.read_parameters(expert[c], w.data());
    for (std::int64_t i = 0; i < record; ++i) w[static_cast<std::size_t>(i)] -= factor * g[i];
    experts.write_parameters(expert[c], w.data(), ops::RowRounding(rounding, expert[c]));
    experts.mark_dirty(expert[c] / experts.rows_per_page());
  }
}

}  // namespace peer::trainer
