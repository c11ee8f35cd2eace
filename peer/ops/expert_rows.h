// How ops see the experts of one block: a table of page pointers. Growth appends to the table and moves no row. The table, the pages and
// their dirty flags are memory of the device that the op runs on.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/base/require.h"
#include "peer/base/view.h"

namespace peer::ops {

// A page of experts. A record is contiguous: [down (D) | up (D)] when frozen, [down | up | m (2D) | v (2D) | step count] when trainable.
struct ExpertPage {
  float* data = nullptr;    // read-only memory when !trainable
  std::int64_t stride = 0;  // floats from one record to the next
  bool trainable = false;
  bool* dirty = nullptr;  // set to true by every update of a row; null when frozen
};

struct ExpertRows {
  const ExpertPage* pages = nullptr;
  int page_shift = 12;     // a page holds 1 << page_shift experts
  std::int64_t width = 0;  // D
  std::int64_t count = 0;  // E, experts in the block

  constexpr const ExpertPage& page_of(std::int64_t expert) const { return pages[expert >> page_shift]; }
  constexpr float* record(std::int64_t expert) const {
    const ExpertPage& page = page_of(expert);
    return page.data + (expert & ((std::int64_t{1} << page_shift) - 1)) * page.stride;
  }
  constexpr const float* down(std::int64_t expert) const { return record(expert); }
  constexpr const float* up(std::int64_t expert) const { return record(expert) + width; }
};

// The bytes of [down | up] of the different experts among `id`: what a gather cannot avoid reading. Ids and rows are of the host.
inline double picked_row_bytes(const ExpertRows& rows, View<const std::int64_t, 2> id) {
  std::vector<bool> picked(static_cast<std::size_t>(rows.count));
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < id.size(); ++i) {
    different += !picked[static_cast<std::size_t>(id[i])];
    picked[static_cast<std::size_t>(id[i])] = true;
  }
  return static_cast<double>(different * 2 * rows.width) * sizeof(float);
}

// Floats of a record of width D: the parameters, and with the optimizer's state behind them (padded to a cache line).
inline std::int64_t frozen_record_floats(std::int64_t width) { return 2 * width; }
inline std::int64_t trainable_record_floats(std::int64_t width) { return (6 * width + 1 + 15) / 16 * 16; }

}  // namespace peer::ops
