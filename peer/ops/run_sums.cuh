// Runs of sorted places, and sums over them: the picks of an expert.
#pragma once

#include <cstdint>

#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

struct Run {
  std::int64_t begin, end;
};

inline constexpr std::int64_t kFewPlaces = 256;  // of a run that one thread for each column walks alone

// 32 columns from `first` on: each warp of the block takes every eighth place, and what they summed is added in order.
template <class Term, class Finish>
__device__ void sum_run_by_warps(Run run, std::int64_t first, std::int64_t columns, Term term, Finish finish) {
  __shared__ float of_warp[kWarps][kWarp];
  const int warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const std::int64_t c = first + lane;
  float sum = 0;
  if (c < columns)
    for (std::int64_t place = run.begin + warp; place < run.end; place += kWarps) sum += term(place, c);
  of_warp[warp][lane] = sum;
  __syncthreads();
  if (warp == 0 && c < columns) {
    for (int w = 1; w < kWarps; ++w) sum += of_warp[w][lane];
    finish(c, sum);
  }
  __syncthreads();  // the next columns are written where these were read
}

// finish(c, sum over the places of the run of term(place, c)) for the kThreads columns from `first` on, as far as there are so many, in an
// order that the run's length alone decides. Called by all threads of a block. A few runs of a large batch have thousands of places, which
// threads of one column each would walk long after the other blocks have ended: there the block's warps share the places.
template <class Term, class Finish>
__device__ void sum_run(Run run, std::int64_t first, std::int64_t columns, Term term, Finish finish) {
  if (run.end - run.begin > kFewPlaces) {
    for (std::int64_t tile = first; tile < first + kThreads && tile < columns; tile += kWarp)
      sum_run_by_warps(run, tile, columns, term, finish);
    return;
  }
  const std::int64_t c = first + threadIdx.x;
  if (c >= columns) return;
  float sum = 0;
  for (std::int64_t place = run.begin; place < run.end; ++place) sum += term(place, c);
  finish(c, sum);
}

}  // namespace peer::ops::cuda
