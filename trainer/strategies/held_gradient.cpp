#include "trainer/strategies/held_gradient.h"

#include <algorithm>

#include "peer/base/require.h"
#include "trainer/strategies/inner_product.h"

namespace peer::trainer {
namespace {

void add_scaled(double factor, const float* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(static_cast<double>(to[i]) + factor * static_cast<double>(from[i]));
}

}  // namespace

void HeldGradient::clear() {
  dense_.clear();
  rows_.clear();
}

void HeldGradient::hold(layers::Parameter& parameter) {
  dense_.emplace_back(&parameter, std::vector<float>(parameter.gradient.data(), parameter.gradient.data() + parameter.size()));
}

HeldGradient::Rows& HeldGradient::rows_of(layers::PeerBlock& block) {
  Rows& rows = rows_[block.id().value];
  rows.block = &block;
  return rows;
}

void HeldGradient::hold(layers::PeerBlock& block, View<const std::int64_t, 1> expert, View<const float, 2> gradient) {
  Rows& rows = rows_of(block);
  for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
    require(rows.row.emplace(expert[c], static_cast<std::int64_t>(rows.expert.size())).second, "held gradient: an expert comes once");
    rows.expert.push_back(expert[c]);
  }
  rows.gradient.insert(rows.gradient.end(), gradient.data, gradient.data + gradient.size());
}

double HeldGradient::dot(const HeldGradient& other) const {
  require(dense_.size() == other.dense_.size(), "held gradient: both must hold the same dense tensors");
  double sum = 0;
  for (std::size_t i = 0; i < dense_.size(); ++i)
    sum += inner_product(dense_[i].second.data(), other.dense_[i].second.data(), static_cast<std::int64_t>(dense_[i].second.size()));
  for (const auto& [block, rows] : rows_) {
    const auto there = other.rows_.find(block);
    if (there == other.rows_.end()) continue;
    for (const std::int64_t e : rows.expert)
      if (there->second.row.contains(e)) sum += inner_product(rows.of(e), there->second.of(e), rows.record());
  }
  return sum;
}

void HeldGradient::add(double factor, const HeldGradient& other) {
  require(dense_.size() == other.dense_.size(), "held gradient: both must hold the same dense tensors");
  for (std::size_t i = 0; i < dense_.size(); ++i)
    add_scaled(factor, other.dense_[i].second.data(), static_cast<std::int64_t>(dense_[i].second.size()), dense_[i].second.data());
  for (const auto& [block, there] : other.rows_) {
    Rows& rows = rows_of(*there.block);
    for (const std::int64_t e : there.expert) {
      if (rows.row.emplace(e, static_cast<std::int64_t>(rows.expert.size())).second) {
        rows.expert.push_back(e);
        rows.gradient.resize(rows.gradient.size() + static_cast<std::size_t>(rows.record()));
      }
      add_scaled(factor, there.of(e), rows.record(), rows.of(e));
    }
  }
}

void HeldGradient::give_back_dense() const {
  for (const auto& [parameter, gradient] : dense_) std::copy(gradient.begin(), gradient.end(), parameter->gradient.data());
}

void HeldGradient::for_each_rows(Device device, const layers::RowGradients& visit) {
  for (auto& [block, rows] : rows_) {
    const auto count = static_cast<std::int64_t>(rows.expert.size());
    if (device.is_cpu()) {
      visit(*rows.block, {rows.expert.data(), count}, {rows.gradient.data(), count, rows.record()});
      continue;
    }
    Buffer<std::int64_t> expert(device, count);
    Buffer<float> gradient(device, count * rows.record());
    std::copy(rows.expert.begin(), rows.expert.end(), expert.data());
    std::copy(rows.gradient.begin(), rows.gradient.end(), gradient.data());
    visit(*rows.block, expert.view(count), gradient.view(count, rows.record()));
  }
}

bool project(HeldGradient& g, const HeldGradient& r) {
  const double conflict = g.dot(r);
  if (!(conflict < 0)) return false;
  g.add(-conflict / r.dot(r), r);
  return true;
}

}  // namespace peer::trainer
