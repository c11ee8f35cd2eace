// Sums of the rows that sorted slots name, a sum for each key: the gradient of a sub-key from the queries that picked it, of a token's
// embedding from the places where it stands.
#pragma once

#include <cstdint>

#include "peer/ops/lane_numbers.cuh"
#include "peer/ops/slot_order_cuda.cuh"

namespace peer::ops::cuda {

// Places that one warp adds up alone. The run of a key that much of a batch picks is cut where the windows of so many places are, its
// parts are added up by many warps, and their sums are added in order. Short, since a warp has only eight rows under way.
inline constexpr std::int64_t kPlacesOfWindow = 256;

// What is added up: of slot s the row and the weight row_of(s) says, from rows of `width` numbers.
template <class RowOf>
struct SlotRows {
  SortedSlots sorted;
  const float* rows;
  std::int64_t width;
  RowOf row_of;
};

// sum += what the places of the run name, in order. `column`: of the lane's first number.
template <int kNumbers, class RowOf>
__device__ void add_places(const SlotRows<RowOf>& terms, Run run, std::int64_t column, int lane, LaneNumbers<kNumbers>& sum) {
  for (std::int64_t place = run.begin + lane; place - lane < run.end; place += kWarp) {
    const bool there = place < run.end;
    const WeightedRow own = there ? terms.row_of(terms.sorted.slot[place]) : WeightedRow{};
    add_rows(there, own, terms.rows, terms.width, column, sum);
  }
}

// Where the sums of parts of long runs are: of a window the run that it begins in, and the run that begins in it and goes on behind it.
struct WindowSums {
  float* sum;  // (windows, 2, width)

  __device__ static std::int64_t number(std::int64_t window, Run run) { return 2 * window + (run.begin >= window * kPlacesOfWindow); }
  // What is left of the run in the window.
  __device__ static Run part(std::int64_t window, Run run) {
    const std::int64_t begin = window * kPlacesOfWindow, end = begin + kPlacesOfWindow;
    return {run.begin > begin ? run.begin : begin, run.end < end ? run.end : end};
  }
};

// sum += the sums of a long run's parts, in order.
template <int kNumbers>
__device__ void add_windows(WindowSums windows, Run run, std::int64_t width, std::int64_t column, int lane, LaneNumbers<kNumbers>& sum) {
  const std::int64_t end = (run.end - 1) / kPlacesOfWindow + 1;
  for (std::int64_t window = run.begin / kPlacesOfWindow + lane; window - lane < end; window += kWarp)
    add_rows(window < end, {static_cast<std::int32_t>(WindowSums::number(window, run)), 1.0f}, windows.sum, width, column, sum);
}

// body(item, column, lane) by a warp for every item < items and every `kWarp * kNumbers` columns of `width`.
template <int kNumbers, class Body>
void for_each_tile(Context& ctx, std::int64_t items, std::int64_t width, Body body) {
  const auto tiles = static_cast<unsigned>(blocks_of(width, kWarp * kNumbers));
  for_each_warp(ctx, items * tiles, [=] __device__(std::int64_t i, int lane) {
    const auto number = static_cast<unsigned>(i);  // a division of 64 bits is a hundred instructions
    body(static_cast<std::int64_t>(number / tiles), static_cast<std::int64_t>(number % tiles * kWarp + lane) * kNumbers, lane);
  });
}

template <int kNumbers, class RowOf>
WindowSums sum_windows(Context& ctx, int scratch, const SlotRows<RowOf>& terms, const Run* runs, std::int64_t keys) {
  const std::int64_t count = terms.sorted.count, windows = count > kPlacesOfWindow ? blocks_of(count, kPlacesOfWindow) : 0;
  const WindowSums sums{ctx.scratch<float>(scratch, 2 * windows * terms.width)};
  for_each_tile<kNumbers>(ctx, 2 * windows, terms.width, [=] __device__(std::int64_t i, std::int64_t column, int lane) {
    const std::int64_t window = i / 2, begin = window * kPlacesOfWindow, last = begin + kPlacesOfWindow - 1;
    const std::uint32_t key = terms.sorted.key[i % 2 == 0 ? begin : (last < count ? last : count - 1)];
    if (key >= keys) return;
    const Run run = runs[key];
    if (run.end - run.begin <= kPlacesOfWindow || WindowSums::number(window, run) != i) return;
    LaneNumbers<kNumbers> sum;
    add_places(terms, WindowSums::part(window, run), column, lane, sum);
    if (column < terms.width) store_numbers(sum, sums.sum + i * terms.width + column);
  });
  return sums;
}

// to(k)[0 .. width) += sum over the slots s of key k, rising, of weight * rows[row], where {row, weight} = row_of(s), for every k < keys
// that has slots. Slots of other keys count for nothing. The order of a sum is one that the keys alone decide. Lanes take kNumbers: see
// numbers_of_lane. Takes the scratch slots `first_scratch` and the one behind it.
template <int kNumbers, class RowOf, class To>
void add_slot_rows(Context& ctx, int first_scratch, const SlotRows<RowOf>& terms, std::int64_t keys, To to) {
  const Run* runs = find_runs(ctx, first_scratch, terms.sorted, keys);
  const WindowSums windows = sum_windows<kNumbers>(ctx, first_scratch + 1, terms, runs, keys);
  for_each_tile<kNumbers>(ctx, keys, terms.width, [=] __device__(std::int64_t k, std::int64_t column, int lane) {
    const Run run = runs[k];
    if (run.begin == run.end) return;
    LaneNumbers<kNumbers> sum;
    if (run.end - run.begin > kPlacesOfWindow)
      add_windows(windows, run, terms.width, column, lane, sum);
    else
      add_places(terms, run, column, lane, sum);
    if (column >= terms.width) return;
    float* at = to(k) + column;
    LaneNumbers<kNumbers> total = load_numbers<kNumbers>(at);
    for (int j = 0; j < kNumbers; ++j) total.x[j] += sum.x[j];
    store_numbers(total, at);
  });
}

}  // namespace peer::ops::cuda
