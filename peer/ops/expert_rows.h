// How ops see the experts of one block: a table of page pointers. Growth appends to the table and moves no row. The table, the pages and
// their dirty flags are memory of the device that the op runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "peer/base/element.h"
#include "peer/base/require.h"
#include "peer/base/view.h"

namespace peer::ops {

// A page of experts. A record is contiguous: [down (D) | up (D)] in the block's element when frozen, with [m (2D) | v (2D) | step count] in
// fp32 behind it when trainable.
struct ExpertPage {
  std::byte* data = nullptr;  // read-only memory when !trainable
  std::int64_t stride = 0;    // bytes from one record to the next
  bool trainable = false;
  bool* dirty = nullptr;  // set to true by every update of a row; null when frozen
  bool on_host = false;   // of a GPU: in the machine's memory, and a record is read over the bus

  // A record that is trained may be written between two reads, so that a copy of it would be another.
  constexpr bool may_be_staged() const { return on_host && !trainable; }
};

// Copies of records whose pages are on the host (stage_experts.h).
struct StagedRecords {
  const std::int32_t* place = nullptr;  // (E)  1 + the number of the expert's copy; 0: it has none. Null: no expert has
  const std::byte* data = nullptr;      // copies of [down | up], one behind the other
};

struct ExpertRows {
  const ExpertPage* pages = nullptr;
  int page_shift = 12;     // a page holds 1 << page_shift experts
  std::int64_t width = 0;  // D
  std::int64_t count = 0;  // E, experts in the block
  Element element = Element::kFloat32;
  StagedRecords staged = {};

  constexpr const ExpertPage& page_of(std::int64_t expert) const { return pages[expert >> page_shift]; }
  constexpr std::int64_t number_in_page(std::int64_t expert) const { return expert & ((std::int64_t{1} << page_shift) - 1); }
  constexpr std::byte* record(std::int64_t expert) const {
    const ExpertPage& page = page_of(expert);
    return page.data + number_in_page(expert) * page.stride;
  }
  constexpr std::int64_t parameter_bytes() const { return 2 * width * bytes_of(element); }

  // Number: float or Bfloat16, as `element` says.
  template <class Number>
  constexpr Number* parameters(std::int64_t expert) const {  // (2D)  [down | up]
    return reinterpret_cast<Number*>(record(expert));
  }
  // The same to be read alone: a copy, where the expert has one.
  template <class Number>
  constexpr const Number* nearest_parameters(std::int64_t expert) const {  // (2D)  [down | up]
    const std::int32_t place = staged.place != nullptr && page_of(expert).may_be_staged() ? staged.place[expert] : 0;
    return place == 0 ? parameters<const Number>(expert) : reinterpret_cast<const Number*>(staged.data + (place - 1) * parameter_bytes());
  }
  template <class Number>
  constexpr const Number* down(std::int64_t expert) const {
    return parameters<Number>(expert);
  }
  template <class Number>
  constexpr const Number* up(std::int64_t expert) const {
    return parameters<Number>(expert) + width;
  }
  template <class Number>
  constexpr float* state(std::int64_t expert) const {  // (4D + 1)  [m | v | step count] of a trainable page
    return reinterpret_cast<float*>(parameters<Number>(expert) + 2 * width);
  }
};

// How many different experts there are among `id`, of those for which counts(expert). Ids and rows are of the host.
template <class Counts>
std::int64_t different_experts(const ExpertRows& rows, View<const std::int64_t, 2> id, Counts&& counts) {
  std::vector<bool> picked(static_cast<std::size_t>(rows.count));
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < id.size(); ++i) {
    different += !picked[static_cast<std::size_t>(id[i])] && counts(id[i]);
    picked[static_cast<std::size_t>(id[i])] = true;
  }
  return different;
}

// The bytes of [down | up] of the different experts among `id`: what a gather cannot avoid reading.
inline double picked_row_bytes(const ExpertRows& rows, View<const std::int64_t, 2> id) {
  return static_cast<double>(different_experts(rows, id, [](std::int64_t) { return true; }) * rows.parameter_bytes());
}

// Bytes of a record of width D: the parameters, and with the optimizer's state behind them (padded to a cache line).
inline std::int64_t frozen_record_bytes(std::int64_t width, Element element = Element::kFloat32) { return 2 * width * bytes_of(element); }
inline std::int64_t trainable_record_bytes(std::int64_t width, Element element = Element::kFloat32) {
  return (frozen_record_bytes(width, element) + (4 * width + 1) * static_cast<std::int64_t>(sizeof(float)) + 63) / 64 * 64;
}

// call(Number()) with the type of the rows' numbers.
template <class Call>
auto with_number_of(const ExpertRows& rows, Call&& call) {
  return rows.element == Element::kFloat32 ? std::forward<Call>(call)(float()) : std::forward<Call>(call)(Bfloat16());
}

}  // namespace peer::ops
