#include <omp.h>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"

namespace peer::ops::cpu {
namespace {

// Rows asked for ahead of the row in use. Fewer do not cover the latency of memory; many more are evicted before their turn.
constexpr std::int64_t kAhead = 8;

// Both directions gather the same records twice: first one half of each against the token's vector, then the other half, added up.
// While the first half is read, the first half of later records is asked for into L1 and their second half into L2, where it waits.
enum class Half { kDown, kUp };

struct Gather {
  const std::int64_t* id;  // (slots)
  std::int64_t slots;
  const ExpertRows& rows;

  const float* row(Half half, std::int64_t slot) const { return half == Half::kDown ? rows.down(id[slot]) : rows.up(id[slot]); }

  // The records of slots [slot, slot+4), which may belong to the next token.
  void prefetch(Half first, Half second, std::int64_t slot) const {
    const std::int64_t end = slot + 4 < slots ? slot + 4 : slots;
    for (std::int64_t s = slot; s < end; ++s) {
      prefetch_floats<2>(row(first, s), rows.width);
      prefetch_floats<2>(row(second, s), rows.width);
    }
  }

  // out[r] = <vector, first half of slot begin + r>, r < count
  void dot(Half first, Half second, const float* vector, std::int64_t begin, std::int64_t count, float* out) const {
    dot_rows(
        vector, rows.width, count, [&](std::int64_t r) { return row(first, begin + r); },
        [&](std::int64_t r) { prefetch(first, second, begin + r + kAhead); }, out);
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
    gather.dot(Half::kDown, Half::kUp, op.x.row(n), n * picks, picks, hidden);
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
    gather.dot(Half::kUp, Half::kDown, op.dy.row(n), n * picks, picks, dgate);  // dgate holds u for a moment
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
