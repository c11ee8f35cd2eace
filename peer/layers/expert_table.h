#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "peer/device/buffer.h"
#include "peer/layers/row_drawing.h"
#include "peer/ops/expert_rows.h"
#include "peer/ops/row_rounding.h"

namespace peer::layers {

// The experts of one block, by page. Growth appends pages (or fills the reserved rest of the last one) and moves no row.
// A page is either owned memory, reserved for rows_per_page records, or borrowed read-only memory of a sealed file. On another device than
// the CPU every page is memory of it: what lies in a file is uploaded once, and the host changes the table only while the device is idle.
// The last rows may still be being drawn. rows() ends before them; whoever asks for one of them or for its page, or changes pages, waits
// until they are drawn, and hears of it when that failed. The table can be moved and destroyed meanwhile.
class ExpertTable {
 public:
  // Sets all 2D numbers of a row. Called by several threads, each with a row of its own.
  using Fill = std::function<void(std::int64_t expert, float* row)>;

  // rows_per_page: a power of two. element: of the down and up rows; the optimizer's state is fp32.
  ExpertTable(std::int64_t width, std::int64_t rows_per_page, Device device = {}, Element element = Element::kFloat32);
  ~ExpertTable();
  ExpertTable(ExpertTable&&) noexcept;

  Device device() const { return device_; }
  std::int64_t width() const { return width_; }
  Element element() const { return element_; }
  std::int64_t rows_per_page() const { return std::int64_t{1} << shift_; }
  std::int64_t count() const { return count_; }
  std::int64_t page_count() const { return static_cast<std::int64_t>(pages_.size()); }
  std::int64_t page_rows(std::int64_t page) const;  // experts in this page
  ops::ExpertRows rows() const;                     // as ops on the device see them, without those that are not drawn yet

  // Appends one frozen page that lives in somebody else's memory: `rows` records [down | up] in the table's element. Only the last page may
  // be partial, and a partial page is copied into owned memory, so that the block can grow in place.
  void append_mapped(const std::byte* records, std::int64_t rows, std::shared_ptr<const void> owner);
  // Appends experts, all zero, to owned pages that are trainable or not.
  void append(std::int64_t experts, bool trainable);

  // Where a page's records lie: memory of the table's device.
  const ops::ExpertPage& page(std::int64_t page) const {
    wait_for((page + 1) * rows_per_page() - 1);
    return pages_[page];
  }
  bool trainable(std::int64_t page) const { return pages_[page].trainable; }
  // Says of a page of an idle device that its memory lies on the host, or no longer: set_residence() moves it.
  void set_on_host(std::int64_t page, bool on_host);
  bool any_trainable() const {
    return std::any_of(pages_.begin(), pages_.end(), [](const ops::ExpertPage& page) { return page.trainable; });
  }
  bool dirty(std::int64_t page) const { return dirty_[page]; }
  void mark_dirty(std::int64_t page) { dirty_[page] = true; }
  void clear_dirty();
  // trainable: every page becomes owned records with optimizer state (zero where there was none). frozen: state is released.
  void set_trainable(bool trainable);

  // [down | up] of expert i as fp32, (2D): read, or written to an owned page, rounded to the nearest of the table's element or at random.
  void read_parameters(std::int64_t expert, float* out) const;
  void write_parameters(std::int64_t expert, const float* values);
  void write_parameters(std::int64_t expert, const float* values, const ops::RowRounding& rounding);
  // Writes those of `count` owned experts, rounded to the nearest.
  void fill_parameters(std::int64_t first, std::int64_t count, const Fill& fill);
  // The same for all from `first` on, by a thread of its own while the caller goes on with those before; on a device other than the CPU at
  // once; from the first draw_between_steps() on by those calls instead. `fill` holds what it needs: it may be called as long as the table,
  // or what it was moved to, lives.
  void fill_parameters_later(std::int64_t first, Fill fill, std::shared_ptr<DrawingTurn> turn = {});
  void draw_between_steps(int threads) {
    if (!drawn()) drawing_->draw_between_steps(threads);
  }
  bool drawn() const { return !drawing_ || drawing_->done(); }
  void wait_until_drawn() const {
    if (drawing_) drawing_->wait();
  }
  // Where they lie, for tables of fp32; writable only in owned pages.
  const float* parameters(std::int64_t expert) const;
  float* owned_parameters(std::int64_t expert);
  // [m (2D) | v (2D) | steps], trainable pages only.
  float* state(std::int64_t expert);

  // On a device: whether the picks of each page are counted (from 0), and how many there were; which the host may read while it is idle.
  void count_uses(bool counted);
  View<std::uint32_t, 1> uses() { return {uses_.data(), uses_.empty() ? 0 : page_count()}; }
  std::int64_t page_bytes(std::int64_t page) const { return rows_per_page() * pages_[page].stride; }
  void* page_data(std::int64_t page) const { return this->page(page).data; }

  static std::int64_t state_floats(std::int64_t width) { return 4 * width + 1; }

 private:
  ops::ExpertRows on_host() const { return {pages_.data(), shift_, width_, count_, element_}; }
  std::int64_t record_bytes(bool trainable) const {
    return trainable ? ops::trainable_record_bytes(width_, element_) : ops::frozen_record_bytes(width_, element_);
  }
  void wait_for(std::int64_t expert) const {
    if (drawing_ && expert >= drawing_->first()) drawing_->wait();
  }
  void fill_on_device(std::int64_t first, std::int64_t count, const Fill& fill);
  void add_page(std::byte* data, std::int64_t stride, bool trainable, bool owned, std::shared_ptr<const void> owner);
  void replace_page(std::int64_t page, bool trainable);
  void publish();  // shows pages_ to the device

  Device device_;
  std::int64_t width_;
  int shift_;
  Element element_;
  std::int64_t count_ = 0;
  std::vector<ops::ExpertPage> pages_;
  std::vector<std::shared_ptr<const void>> owners_;  // a mapped file, or reserved memory
  Buffer<bool> dirty_;                               // at least one a page, on the device
  Buffer<ops::ExpertPage> published_;                // pages_ on the device; none on the CPU
  Buffer<std::uint32_t> uses_;                       // at least one a page, on the device; none while they are not counted
  std::unique_ptr<RowDrawing> drawing_;              // writes to pages, and so ends before they do
};

}  // namespace peer::layers
