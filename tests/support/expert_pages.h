// Experts of one block as a pool holds them: pages of four records, frozen ones bare, trainable ones with the optimizer's state.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
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

  ExpertPages(std::int64_t width, std::int64_t count, std::uint32_t subject, PageKinds kinds = PageKinds::kTrainable,
              Element element = Element::kFloat32)
      : width_(width), count_(count), element_(element), dirty_(new bool[static_cast<std::size_t>(page_count())]()) {
    for (std::int64_t p = 0; p < page_count(); ++p) {
      const bool trainable = kinds == PageKinds::kTrainable || (kinds == PageKinds::kMixed && p % 2 == 1);
      const std::int64_t stride = trainable ? ops::trainable_record_bytes(width, element) : ops::frozen_record_bytes(width, element);
      memory_.emplace_back(stride * kRowsPerPage);
      pages_.push_back({memory_.back().data(), stride, trainable, trainable ? &dirty_[p] : nullptr});
    }
    const Buffer<float> numbers = random_normal(count * 6 * width, subject);
    for (std::int64_t e = 0; e < count; ++e) {
      const float* from = numbers.data() + e * 6 * width;
      ops::with_number_of(rows(), [&](auto number) {
        for (std::int64_t i = 0; i < 2 * width; ++i) set(rows().parameters<decltype(number)>(e)[i], from[i]);
        if (!rows().page_of(e).trainable) return;
        float* state = rows().state<decltype(number)>(e);
        for (std::int64_t i = 0; i < 2 * width; ++i) {
          state[i] = from[2 * width + i];
          state[2 * width + i] = std::abs(from[4 * width + i]);  // second moments
        }
        state[4 * width] = static_cast<float>(e % kRowsPerPage);  // steps so far
      });
    }
  }

  ops::ExpertRows rows() const { return {pages_.data(), kShift, width_, count_, element_}; }
  std::int64_t page_count() const { return (count_ + kRowsPerPage - 1) / kRowsPerPage; }
  const ops::ExpertPage& page(std::int64_t p) const { return pages_[static_cast<std::size_t>(p)]; }
  const Buffer<std::byte>& memory(std::int64_t p) const { return memory_[static_cast<std::size_t>(p)]; }
  bool dirty(std::int64_t p) const { return dirty_[p]; }

  // [down | up] of an expert, widened, and what a trainable page has behind it.
  std::vector<float> parameters(std::int64_t e) const {
    return ops::with_number_of(rows(), [&](auto number) {
      const auto* row = rows().parameters<const decltype(number)>(e);
      return std::vector<float>(row, row + 2 * width_);
    });
  }
  const float* state(std::int64_t e) const {
    return ops::with_number_of(rows(), [&](auto number) { return rows().state<decltype(number)>(e); });
  }
  void clear_up(std::int64_t e) {
    ops::with_number_of(rows(),
                        [&](auto number) { std::fill_n(rows().parameters<decltype(number)>(e) + width_, width_, decltype(number){}); });
  }

  // (E, D) in double precision, for the oracle.
  std::vector<double> down() const { return half(0); }
  std::vector<double> up() const { return half(width_); }

 private:
  static void set(float& number, float value) { number = value; }
  static void set(Bfloat16& number, float value) { number.bits = bfloat16_of(value); }

  std::vector<double> half(std::int64_t offset) const {
    std::vector<double> out;
    for (std::int64_t e = 0; e < count_; ++e) {
      const std::vector<float> row = parameters(e);
      out.insert(out.end(), row.begin() + offset, row.begin() + offset + width_);
    }
    return out;
  }

  std::int64_t width_, count_;
  Element element_;
  std::unique_ptr<bool[]> dirty_;
  std::vector<Buffer<std::byte>> memory_;
  std::vector<ops::ExpertPage> pages_;
};

}  // namespace peer::test
