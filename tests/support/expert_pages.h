// Experts of one block as a pool holds them: pages of four records, frozen ones bare, trainable ones with the optimizer's state.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "peer/base/philox.h"
#include "peer/device/buffer.h"
#include "peer/ops/expert_rows.h"
#include "tests/support/random_tensor.h"

namespace peer::test {

enum class PageKinds { kFrozen, kTrainable, kMixed };  // mixed: every other page is frozen

class ExpertPages {
 public:
  static constexpr int kShift = 2;
  static constexpr std::int64_t kRowsPerPage = std::int64_t{1} << kShift;

  ExpertPages(std::int64_t width, std::int64_t count, std::uint32_t subject, PageKinds kinds = PageKinds::kTrainable)
      : width_(width), count_(count), dirty_(new bool[static_cast<std::size_t>(page_count())]()) {
    for (std::int64_t p = 0; p < page_count(); ++p) {
      const bool trainable = kinds == PageKinds::kTrainable || (kinds == PageKinds::kMixed && p % 2 == 1);
      const std::int64_t stride = trainable ? ops::trainable_record_floats(width) : ops::frozen_record_floats(width);
      memory_.push_back(random_normal(stride * kRowsPerPage, subject + static_cast<std::uint32_t>(p)));
      pages_.push_back({memory_.back().data(), stride, trainable, trainable ? &dirty_[p] : nullptr});
      if (!trainable) continue;
      for (std::int64_t row = 0; row < kRowsPerPage; ++row) {
        float* record = memory_.back().data() + row * stride;
        for (std::int64_t i = 4 * width; i < 6 * width; ++i) record[i] = std::abs(record[i]);  // second moments
        record[6 * width] = static_cast<float>(row);                                           // steps so far
      }
    }
  }

  ops::ExpertRows rows() const { return {pages_.data(), kShift, width_, count_}; }
  std::int64_t page_count() const { return (count_ + kRowsPerPage - 1) / kRowsPerPage; }
  const ops::ExpertPage& page(std::int64_t p) const { return pages_[static_cast<std::size_t>(p)]; }
  const Buffer<float>& memory(std::int64_t p) const { return memory_[static_cast<std::size_t>(p)]; }
  bool dirty(std::int64_t p) const { return dirty_[p]; }

  // (E, D) in double precision, for the oracle.
  std::vector<double> down() const { return half(0); }
  std::vector<double> up() const { return half(width_); }

 private:
  std::vector<double> half(std::int64_t offset) const {
    std::vector<double> out;
    for (std::int64_t e = 0; e < count_; ++e)
      for (std::int64_t i = 0; i < width_; ++i) out.push_back(rows().record(e)[offset + i]);
    return out;
  }

  std::int64_t width_, count_;
  std::unique_ptr<bool[]> dirty_;
  std::vector<Buffer<float>> memory_;
  std::vector<ops::ExpertPage> pages_;
};

}  // namespace peer::test
