#include <omp.h>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/record_update.h"
#include "peer/ops/segment_sum.h"

namespace peer::ops::cpu {
namespace {

template <class Number>
void update(Context& ctx, const ExpertRowUpdate& op) {
  const std::int64_t rows = op.expert.shape[0], count = 2 * op.rows.width;
  const std::uint64_t key = op.rule.rounding_key();
  const int threads = ctx.threads();
  const std::int64_t stride = count + kCacheLineFloats;
  float* gradients = ctx.scratch<float>(0, threads * stride);  // a row of each thread
#pragma omp parallel num_threads(threads)
  {
    float* gradient = gradients + omp_get_thread_num() * stride;
    // Popular experts have long segments, so threads take what is left in small portions.
#pragma omp for schedule(dynamic, 16)
    for (std::int64_t c = 0; c < rows; ++c) {
      const ExpertPage& page = op.rows.page_of(op.expert[c]);
      if (!page.trainable) continue;
      const Number* next = op.rows.parameters<Number>(op.expert[c + 1 < rows ? c + 1 : c]);
      sum_segment(op, op.first + c, gradient);
      update_record(op.rule, gradient, count, RowRounding(key, op.expert[c]), op.rows.parameters<Number>(op.expert[c]), next);
      mark_dirty(page);
    }
  }
}

}  // namespace

void expert_row_update(Context& ctx, const ExpertRowUpdate& op) {
  with_number_of(op.rows, [&](auto number) { update<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cpu
