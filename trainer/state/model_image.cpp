#include "trainer/state/model_image.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/ops/expert_rows.h"

namespace peer::trainer {
namespace {

using layers::ExpertTable;

std::int64_t count_of(const pool::TensorView& tensor) {
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
}

void require_finite(const float* values, std::int64_t count, const std::string& name) {
  for (std::int64_t i = 0; i < count; ++i)
    if (!std::isfinite(values[i]))
      throw NumericError(fmt::format("{}: a weight is not finite; nothing was committed; try lower learning rates", name));
}

constexpr std::int64_t kAlignment = 64;
std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Some records of a page as a page of their own.
ops::ExpertRows as_rows(const ops::ExpertPage& page, std::int64_t count, const pool::RowLayout& layout) {
  constexpr int kOnePage = 40;
  return {&page, kOnePage, layout.width, count, layout.element};
}

}  // namespace

void ModelImage::add_trunk(std::string name, std::vector<pool::TensorView> tensors, Weights weights) {
  trunks_.push_back({std::move(name), std::move(tensors), weights});
}

void ModelImage::add_experts(layers::PeerBlock& block, bool with_state) {
  const ExpertTable& experts = block.experts();
  tables_.push_back({block.id(),
                     {.width = experts.width(),
                      .rows_per_page = experts.rows_per_page(),
                      .state_floats = ExpertTable::state_floats(experts.width()),
                      .element = experts.element()},
                     experts.count()});
  for (std::int64_t page = 0; page < experts.page_count(); ++page) {
    if (!experts.dirty(page)) continue;
    const ops::ExpertPage& records = experts.page(page);
    pages_.push_back(
        {tables_.size() - 1, PageIndex{page}, records.data, experts.page_rows(page), records.stride, with_state && records.trainable});
  }
}

std::vector<HostStaging::Source> ModelImage::sources_of_tensors() const {
  std::vector<HostStaging::Source> sources;
  for (const Trunk& trunk : trunks_)
    for (const pool::TensorView& tensor : trunk.tensors)
      sources.push_back({tensor.values, count_of(tensor) * static_cast<std::int64_t>(sizeof(float))});
  return sources;
}

std::vector<HostStaging::Source> ModelImage::sources_of_pages() const {
  std::vector<HostStaging::Source> sources;
  for (const Page& page : pages_) sources.push_back({page.records, page.rows * page.stride, page.stride});
  return sources;
}

std::vector<HostStaging::Source> ModelImage::sources() const {
  std::vector<HostStaging::Source> all = sources_of_tensors();
  const std::vector<HostStaging::Source> pages = sources_of_pages();
  all.insert(all.end(), pages.begin(), pages.end());
  return all;
}

std::int64_t ModelImage::bytes_to_capture() const {
  std::int64_t bytes = 0;
  for (const HostStaging::Source& source : sources()) bytes += aligned(source.bytes);
  return bytes;
}

void ModelImage::capture(HostStaging& staging, Buffer<std::byte>& memory) {
  const std::int64_t bytes = bytes_to_capture();
  if (memory.size() < bytes) memory = Buffer<std::byte>(bytes);
  const std::vector<HostStaging::Source> from = sources();
  std::vector<std::byte*> to;
  std::byte* next = memory.data();
  for (const HostStaging::Source& source : from) {
    to.push_back(next);
    next += aligned(source.bytes);
  }
  staging.read(from, [&](std::size_t source, std::int64_t offset, std::span<const std::byte> shown) {
    std::memcpy(to[source] + offset, shown.data(), shown.size());
  });
  auto copy = to.begin();
  for (Trunk& trunk : trunks_)
    for (pool::TensorView& tensor : trunk.tensors) tensor.values = reinterpret_cast<const float*>(*copy++);
  for (Page& page : pages_) page.records = *copy++;
}

void ModelImage::put(HostStaging& staging, pool::Transaction& transaction) const {
  put_trunks(staging, transaction);
  put_pages(staging, transaction);
}

void ModelImage::put_trunks(HostStaging& staging, pool::Transaction& transaction) const {
  Buffer<std::byte> memory;
  for (const Trunk& trunk : trunks_) {
    ModelImage image;
    image.trunks_.push_back(trunk);
    if (!staging.device().is_cpu()) image.capture(staging, memory);  // a trunk's file is made of all its tensors at once
    const std::vector<pool::TensorView>& tensors = image.trunks_[0].tensors;
    if (trunk.weights == Weights::kFinite)
      for (const pool::TensorView& tensor : tensors) require_finite(tensor.values, count_of(tensor), tensor.name);
    transaction.put_trunk(trunk.name, tensors);
  }
}

void ModelImage::put_pages(HostStaging& staging, pool::Transaction& transaction) const {
  for (const Table& table : tables_) transaction.set_table(table.block, table.layout, table.rows);
  std::vector<float> rows, state;
  staging.read(sources_of_pages(), [&](std::size_t source, std::int64_t offset, std::span<const std::byte> bytes) {
    const Page& page = pages_[source];
    const Table& table = tables_[page.table];
    const std::int64_t numbers = 2 * table.layout.width, floats = table.layout.state_floats;
    if (offset == 0) {
      rows.resize(static_cast<std::size_t>(page.rows * numbers));
      state.resize(page.with_state ? static_cast<std::size_t>(page.rows * floats) : 0);
    }
    const std::int64_t first = offset / page.stride, count = static_cast<std::int64_t>(bytes.size()) / page.stride;
    const ops::ExpertPage shown{const_cast<std::byte*>(bytes.data()), page.stride};
    const ops::ExpertRows records = as_rows(shown, count, table.layout);
    ops::with_number_of(records, [&](auto number) {
      using Number = decltype(number);
      for (std::int64_t r = 0; r < count; ++r) {
        std::copy_n(records.parameters<const Number>(r), numbers, rows.data() + (first + r) * numbers);
        if (page.with_state) std::copy_n(records.state<Number>(r), floats, state.data() + (first + r) * floats);
      }
    });
    if (first + count < page.rows) return;
    require_finite(rows.data(), page.rows * numbers, fmt::format("block {}, page {}", table.block.value, page.index.value));
    transaction.put_page(table.block, page.index, rows, state);
  });
}

}  // namespace peer::trainer
