#include "peer/layers/expert_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "peer/base/require.h"

namespace peer::layers {
namespace {

// Zero pages that the system hands out on first touch: reserving a whole page of experts costs nothing until they are there.
struct Reserved {
  explicit Reserved(std::int64_t size) : bytes(static_cast<std::size_t>(size)) {
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) throw DeviceError(fmt::format("out of memory on cpu: asked for {} bytes for a page of experts", size));
    madvise(data, bytes, MADV_HUGEPAGE);
  }
  Reserved(const Reserved&) = delete;
  ~Reserved() { munmap(data, bytes); }
  void* data;
  std::size_t bytes;
};

struct PageMemory {
  std::byte* data;
  std::shared_ptr<const void> owner;
};

// All zero.
PageMemory new_page(Device device, std::int64_t bytes) {
  if (device.is_cpu()) {
    auto memory = std::make_shared<Reserved>(bytes);
    return {static_cast<std::byte*>(memory->data), memory};
  }
  const std::shared_ptr<void> memory(allocate_page(device, bytes), [device, bytes](void* data) { free_bytes(device, data, bytes); });
  return {static_cast<std::byte*>(memory.get()), memory};
}

void set_nearest(float& number, float value) { number = value; }
void set_nearest(Bfloat16& number, float value) { number.bits = bfloat16_of(value); }

// store(number, column) for every number of the row.
template <class Store>
void write_row(const ops::ExpertRows& rows, std::int64_t expert, Store&& store) {
  require(rows.page_of(expert).dirty != nullptr, "expert_table: a mapped page is read-only");
  ops::with_number_of(rows, [&](auto number) {
    auto* row = rows.parameters<decltype(number)>(expert);
    for (std::int64_t i = 0; i < 2 * rows.width; ++i) store(row[i], i);
  });
}

void write_nearest(const ops::ExpertRows& rows, std::int64_t expert, const float* values) {
  write_row(rows, expert, [values](auto& number, std::int64_t i) { set_nearest(number, values[i]); });
}

}  // namespace

ExpertTable::ExpertTable(std::int64_t width, std::int64_t rows_per_page, Device device, Element element)
    : device_(device), width_(width), shift_(std::countr_zero(static_cast<std::uint64_t>(rows_per_page))), element_(element) {
  require(rows_per_page > 0 && std::has_single_bit(static_cast<std::uint64_t>(rows_per_page)),
          "expert_table: rows_per_page must be a power of two");
}
ExpertTable::~ExpertTable() = default;
ExpertTable::ExpertTable(ExpertTable&&) noexcept = default;

std::int64_t ExpertTable::page_rows(std::int64_t page) const {
  return page + 1 < page_count() ? rows_per_page() : count_ - page * rows_per_page();
}

ops::ExpertRows ExpertTable::rows() const {
  const std::int64_t there = drawn() ? count_ : drawing_->first();
  return {device_.is_cpu() ? pages_.data() : published_.data(), shift_, width_, there, element_};
}

void ExpertTable::add_page(std::byte* data, std::int64_t stride, bool trainable, bool owned, std::shared_ptr<const void> owner) {
  const auto last = static_cast<std::int64_t>(pages_.size());
  if (last == dirty_.size()) {
    Buffer<bool> more(device_, std::max<std::int64_t>(64, 2 * last));
    std::copy_n(dirty_.data(), last, more.data());
    dirty_ = std::move(more);
    for (std::int64_t p = 0; p < last; ++p)
      if (pages_[p].dirty != nullptr) pages_[p].dirty = &dirty_[p];
  }
  if (!uses_.empty() && last == uses_.size()) count_uses(true);
  dirty_[last] = owned;
  pages_.push_back({data, stride, trainable, owned ? &dirty_[last] : nullptr});
  owners_.push_back(std::move(owner));
  publish();
}

void ExpertTable::count_uses(bool counted) {
  uses_ = counted ? Buffer<std::uint32_t>(device_, std::max<std::int64_t>(64, 2 * page_count())) : Buffer<std::uint32_t>();
}

void ExpertTable::publish() {
  if (device_.is_cpu()) return;
  const auto pages = static_cast<std::int64_t>(pages_.size());
  if (published_.size() < pages) published_ = Buffer<ops::ExpertPage>(device_, std::max<std::int64_t>(64, 2 * pages));
  std::copy_n(pages_.data(), pages, published_.data());
}

void ExpertTable::set_on_host(std::int64_t page, bool on_host) {
  require(!device_.is_cpu(), "expert_table: only pages of a device lie elsewhere");
  pages_[page].on_host = on_host;
  published_[page].on_host = on_host;
}

void ExpertTable::append_mapped(const std::byte* records, std::int64_t rows, std::shared_ptr<const void> owner) {
  require(count_ % rows_per_page() == 0, "expert_table: only the last page may be partial");
  require(rows > 0 && rows <= rows_per_page(), "expert_table: rows of a page out of range");
  wait_until_drawn();
  const std::int64_t stride = record_bytes(false);
  if (rows < rows_per_page()) {
    const std::int64_t first = count_;
    append(rows, false);
    std::memcpy(on_host().record(first), records, static_cast<std::size_t>(rows * stride));
    return;
  }
  if (!device_.is_cpu()) {
    PageMemory memory = new_page(device_, rows * stride);
    upload_bytes(device_, records, memory.data, rows * stride);
    records = memory.data, owner = std::move(memory.owner);
  }
  add_page(const_cast<std::byte*>(records), stride, false, false, std::move(owner));  // read-only: no op writes to a frozen page
  count_ += rows;
}

void ExpertTable::append(std::int64_t experts, bool trainable) {
  wait_until_drawn();
  while (experts > 0) {
    if (count_ % rows_per_page() == 0) {
      const std::int64_t stride = record_bytes(trainable);
      PageMemory memory = new_page(device_, rows_per_page() * stride);
      add_page(memory.data, stride, trainable, true, std::move(memory.owner));
    }
    const std::int64_t room = rows_per_page() - count_ % rows_per_page();
    const std::int64_t added = std::min(room, experts);
    dirty_[page_count() - 1] = true;
    count_ += added;
    experts -= added;
  }
}

void ExpertTable::clear_dirty() { std::fill_n(dirty_.data(), page_count(), false); }

void ExpertTable::replace_page(std::int64_t page, bool trainable) {
  const ops::ExpertPage old = pages_[page];
  const std::int64_t stride = record_bytes(trainable);
  PageMemory memory = new_page(device_, rows_per_page() * stride);
  copy_rows(device_, old.data, old.stride, memory.data, stride, record_bytes(false), page_rows(page));
  pages_[page] = {memory.data, stride, trainable, &dirty_[page]};
  owners_[page] = std::move(memory.owner);
}

void ExpertTable::set_trainable(bool trainable) {
  wait_until_drawn();
  for (std::int64_t page = 0; page < page_count(); ++page)
    if (pages_[page].trainable != trainable) replace_page(page, trainable);
  publish();
}

void ExpertTable::read_parameters(std::int64_t expert, float* out) const {
  wait_for(expert);
  ops::with_number_of(on_host(), [&](auto number) { std::copy_n(on_host().parameters<const decltype(number)>(expert), 2 * width_, out); });
}

void ExpertTable::fill_parameters(std::int64_t first, std::int64_t count, const Fill& fill) {
  wait_until_drawn();
  if (!device_.is_cpu()) return fill_on_device(first, count, fill);
#pragma omp parallel
  {
    std::vector<float> record(static_cast<std::size_t>(2 * width_));
#pragma omp for schedule(static)
    for (std::int64_t e = first; e < first + count; ++e) {
      fill(e, record.data());
      write_nearest(on_host(), e, record.data());
    }
  }
}

void ExpertTable::fill_parameters_later(std::int64_t first, Fill fill, std::shared_ptr<DrawingTurn> turn) {
  if (!device_.is_cpu()) return fill_parameters(first, count_ - first, fill);
  wait_until_drawn();
  // Not `this`, for the table may be moved; pages are where they are until the next who changes them has waited.
  const auto draw = [rows = on_host(), fill = std::move(fill)](std::int64_t begin, std::int64_t end) {
    std::vector<float> record(static_cast<std::size_t>(2 * rows.width));
    for (std::int64_t e = begin; e < end; ++e) {
      fill(e, record.data());
      write_nearest(rows, e, record.data());
    }
  };
  drawing_ = std::make_unique<RowDrawing>(first, count_, draw, std::move(turn));
}

// A page at a time in memory of the host: rows written one by one would bring each page of the device's memory there and back.
void ExpertTable::fill_on_device(std::int64_t first, std::int64_t count, const Fill& fill) {
  for (std::int64_t end = first + count; first < end;) {
    const std::int64_t page = first >> shift_, row = first - page * rows_per_page(), rows = std::min(rows_per_page() - row, end - first);
    ExpertTable staged(width_, rows_per_page(), Device{}, element_);
    staged.append(rows, false);
    staged.fill_parameters(0, rows, [&](std::int64_t r, float* record) { fill(first + r, record); });
    const ops::ExpertPage &from = staged.pages_[0], &to = pages_[page];
    copy_rows(device_, from.data, from.stride, to.data + row * to.stride, to.stride, record_bytes(false), rows);
    first += rows;
  }
}

void ExpertTable::write_parameters(std::int64_t expert, const float* values) {
  wait_for(expert);
  write_nearest(on_host(), expert, values);
}

void ExpertTable::write_parameters(std::int64_t expert, const float* values, const ops::RowRounding& rounding) {
  wait_for(expert);
  write_row(on_host(), expert, [&](auto& number, std::int64_t i) { rounding.store(number, values[i], static_cast<std::uint32_t>(i)); });
}

const float* ExpertTable::parameters(std::int64_t expert) const {
  require(element_ == Element::kFloat32, "expert_table: rows of bf16 are read and written by copies");
  wait_for(expert);
  return on_host().parameters<const float>(expert);
}

float* ExpertTable::owned_parameters(std::int64_t expert) {
  require(pages_[expert >> shift_].dirty != nullptr, "expert_table: a mapped page is read-only");
  return const_cast<float*>(parameters(expert));
}

float* ExpertTable::state(std::int64_t expert) {
  require(pages_[expert >> shift_].trainable, "expert_table: a frozen page has no optimizer state");
  wait_for(expert);
  return ops::with_number_of(on_host(), [&](auto number) { return on_host().state<decltype(number)>(expert); });
}

}  // namespace peer::layers
