// Neighbouring numbers of a row that a lane holds, read and written in one access: the lanes of a warp hold 32, 64 or 128 of them.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "peer/ops/block_reduce.cuh"

namespace peer::ops::cuda {

template <int kNumbers>
struct LaneNumbers {
  float x[kNumbers] = {};
};

template <int kNumbers>
__device__ LaneNumbers<kNumbers> load_numbers(const float* from) {
  if constexpr (kNumbers == 4) {
    const float4 four = *reinterpret_cast<const float4*>(from);
    return {{four.x, four.y, four.z, four.w}};
  } else if constexpr (kNumbers == 2) {
    const float2 two = *reinterpret_cast<const float2*>(from);
    return {{two.x, two.y}};
  } else {
    return {{*from}};
  }
}

template <int kNumbers>
__device__ void store_numbers(const LaneNumbers<kNumbers>& numbers, float* to) {
  if constexpr (kNumbers == 4)
    *reinterpret_cast<float4*>(to) = {numbers.x[0], numbers.x[1], numbers.x[2], numbers.x[3]};
  else if constexpr (kNumbers == 2)
    *reinterpret_cast<float2*>(to) = {numbers.x[0], numbers.x[1]};
  else
    *to = numbers.x[0];
}

// How many a lane takes of rows of `width` numbers in `tensors`: the most that leave every lane some, if each row begins where an access of
// so many may.
inline int numbers_of_lane(std::int64_t width, std::initializer_list<const float*> tensors) {
  for (const int numbers : {4, 2}) {
    bool fits = width % numbers == 0 && width > numbers / 2 * kWarp;
    for (const float* tensor : tensors) fits = fits && reinterpret_cast<std::uintptr_t>(tensor) % (numbers * sizeof(float)) == 0;
    if (fits) return numbers;
  }
  return 1;
}

// body<kNumbers>() for the count that numbers_of_lane found.
template <class Body>
void with_lane_numbers(std::int64_t width, std::initializer_list<const float*> tensors, Body body) {
  switch (numbers_of_lane(width, tensors)) {
    case 4:
      return body.template operator()<4>();
    case 2:
      return body.template operator()<2>();
    default:
      return body.template operator()<1>();
  }
}

// A row of a tensor by its number, and what it is multiplied by.
struct alignas(8) WeightedRow {
  std::int32_t row;
  float weight;
};

// sum += weight * row for the next kTogether of a list, from the first number that this lane adds up of row 0. All are read before any is
// added: were each added before the next is read, a warp would wait for memory once a row.
template <int kTogether, int kNumbers>
__device__ void add_together(const WeightedRow* list, const float* first, unsigned row_bytes, LaneNumbers<kNumbers>& sum) {
  LaneNumbers<kNumbers> row[kTogether];
#pragma unroll
  for (int i = 0; i < kTogether; ++i) {
    const auto number = static_cast<std::uint64_t>(static_cast<unsigned>(list[i].row));
    row[i] = load_numbers<kNumbers>(reinterpret_cast<const float*>(reinterpret_cast<const char*>(first) + number * row_bytes));
  }
#pragma unroll
  for (int i = 0; i < kTogether; ++i)
    for (int n = 0; n < kNumbers; ++n) sum.x[n] += list[i].weight * row[i].x[n];
}

// sum += weight * row for the rows (width) of the lanes that have one, in rising order of the lanes. `column`: of the first number of a row
// that this lane adds up; a lane behind the row's end reads its last ones. Called by all lanes of a warp of a block of kThreads.
template <int kNumbers>
__device__ void add_rows(bool has_one, WeightedRow own, const float* rows, std::int64_t width, std::int64_t column,
                         LaneNumbers<kNumbers>& sum) {
  __shared__ WeightedRow of_warp[kWarps][kWarp];
  const WeightedRow* list = of_warp[threadIdx.x / kWarp];
  const unsigned having = __ballot_sync(kAllLanes, has_one), before = (1u << threadIdx.x % kWarp) - 1;
  if (has_one) of_warp[threadIdx.x / kWarp][__popc(having & before)] = own;
  __syncwarp();
  const float* first = rows + (column < width ? column : width - kNumbers);
  const auto row_bytes = static_cast<unsigned>(width) * static_cast<unsigned>(sizeof(float));
  int left = __popc(having);
  for (; left >= 8; left -= 8, list += 8) add_together<8>(list, first, row_bytes, sum);
  if (left & 4) add_together<4>(list, first, row_bytes, sum), list += 4;
  if (left & 2) add_together<2>(list, first, row_bytes, sum), list += 2;
  if (left & 1) add_together<1>(list, first, row_bytes, sum);
  __syncwarp();  // the next call writes the list anew
}

}  // namespace peer::ops::cuda
