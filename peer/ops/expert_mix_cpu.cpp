#include <omp.h>

#include <algorithm>
#include <array>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"

namespace peer::ops::cpu {
namespace {

// Rows asked for ahead of the row in use, which cover the latency of memory.
constexpr std::int64_t kAhead = 8;

// Both directions gather the same records twice: first one half of each against the token's vector, then the other half, added up.
// While the first half is read, both halves of later records are asked for.
enum class Half { kDown, kUp };

struct Gather {
  const std::int64_t* id;  // (slots)
  std::int64_t slots;
  const ExpertRows& rows;

  const float* row(Half half, std::int64_t slot) const { return half == Half::kDown ? rows.down(id[slot]) : rows.up(id[slot]); }

  // Asks for the records of the four slots from `slot` on, which may belong to the next token, line by line.
  auto ask_for(std::int64_t slot) const {
    std::array<const float*, 4> record;
    for (std::int64_t q = 0; q < 4; ++q) record[q] = rows.record(id[std::min(slot + q, slots - 1)]);
    return [record, width = rows.width](std::int64_t column) {
      for (const float* r : record) ask_for_line(r + column), ask_for_line(r + width + column);
    };
  }

  // out[r] = <vector, half of slot begin + r>, r < count
  void dot(Half half, const float* vector, std::int64_t begin, std::int64_t count, float* out) const {
    dot_rows(
        vector, rows.width, count, [&](std::int64_t r) { return row(half, begin + r); },
        [&](std::int64_t r) { return ask_for(begin + r + kAhead); }, out);
  }

  // sum += sum_r weight[r] (half of slot begin + r), r < count
  void add(Half half, const float* weight, std::int64_t begin, std::int64_t count, float* sum) const {
    add_rows(
        sum, rows.width, count, [&](std::int64_t r) { return row(half, begin + r); }, [&](std::int64_t r) { return weight[r]; });
  }
};

}  // namespace

void expert_mix(Context& ctx, const ExpertMix& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1];
  const Gather gather{op.id.data, tokens * picks, op.rows};
  float* weights = ctx.scratch<float>(0, ctx.threads() * picks);

#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < tokens; ++n) {
    const float* gate = op.gate.row(n);
    float* hidden = op.hidden.row(n);
    float* weight = weights + omp_get_thread_num() * picks;
    gather.dot(Half::kDown, op.x.row(n), n * picks, picks, hidden);
#pragma omp simd
    for (std::int64_t r = 0; r < picks; ++r) weight[r] = gate[r] * activate(op.activation, hidden[r]);
    gather.add(Half::kUp, weight, n * picks, picks, op.y.row(n));
  }
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1];
  const Gather gather{op.id.data, tokens * picks, op.rows};

#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < tokens; ++n) {
    const float *gate = op.gate.row(n), *hidden = op.hidden.row(n);
    float *dgate = op.dgate.row(n), *dhidden = op.dhidden.row(n), *up_weight = op.up_weight.row(n);
    gather.dot(Half::kUp, op.dy.row(n), n * picks, picks, dgate);  // dgate holds u for a moment
#pragma omp simd
    for (std::int64_t r = 0; r < picks; ++r) {
      const float u = dgate[r], activation = activate(op.activation, hidden[r]);
      dgate[r] = activation * u;
      dhidden[r] = gate[r] * activate_derivative(op.activation, hidden[r]) * u;
      up_weight[r] = gate[r] * activation;
    }
    gather.add(Half::kDown, dhidden, n * picks, picks, op.dx.row(n));
  }
}

}  // namespace peer::ops::cpu
