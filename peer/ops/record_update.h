// One expert record through AdamW, on the CPU.
#pragma once

#include <atomic>

#include "peer/ops/adamw_record.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/row_rounding.h"

namespace peer::ops {

// w, m, v (2D each) and the step count behind them. `next` is the record after this one, asked for on the way: by reads, since asking for
// writing is half as fast.
template <class Number>
void update_record(const RowRule& rule, const float* gradient, std::int64_t count, const RowRounding& rounding, Number* w,
                   const Number* next) {
  float *m = reinterpret_cast<float*>(w + count), *v = m + count, *steps = v + count;
  const float* next_state = reinterpret_cast<const float*>(next + count);
  const float scale = rule.clip > 0 ? clip_factor(std::sqrt(sum_of_squares(gradient, count)), rule.clip) : 1.0f;
  const RecordStep step(rule, *steps += 1);
  const auto update = [&](std::int64_t line, std::uint32_t lane) {
    const std::int64_t i = line + lane;
    rounding.store(w[i], step.updated(w[i], gradient[i] * scale, m[i], v[i]), static_cast<std::uint32_t>(line) + lane);
  };
  constexpr std::int64_t kStep = kCacheLineFloats * sizeof(float) / sizeof(Number);  // numbers of a cache line of the row
  ask_for_line(next_state + 2 * count);
  const std::int64_t whole = count / kStep * kStep;
  for (std::int64_t line = 0; line < whole; line += kStep) {
    ask_for_line(next + line);
    for (std::int64_t part = 0; part < 2; ++part)
      for (std::int64_t more = 0; more < kStep; more += kCacheLineFloats) ask_for_line(next_state + part * count + line + more);
#pragma omp simd
    for (std::uint32_t lane = 0; lane < kStep; ++lane) update(line, lane);
  }
#pragma omp simd
  for (std::uint32_t lane = 0; lane < static_cast<std::uint32_t>(count - whole); ++lane) update(whole, lane);
}

// Threads share pages. Looking first keeps the flag's cache line from travelling between them at every row.
inline void mark_dirty(const ExpertPage& page) {
  std::atomic_ref<bool> dirty(*page.dirty);
  if (!dirty.load(std::memory_order_relaxed)) dirty.store(true, std::memory_order_relaxed);
}

}  // namespace peer::ops
