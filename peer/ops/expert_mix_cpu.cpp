#include <omp.h>

#include <algorithm>
#include <array>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/row_kernels.h"

namespace peer::ops::cpu {
namespace {

// Rows asked for ahead of the row in use, which cover the latency of memory.
template <class Number>
constexpr std::int64_t kAhead = 8 * sizeof(float) / sizeof(Number);

// Both directions gather the same records twice: first one half of each against the token's vector, then the other half, added up.
// While the first half is read, both halves of later records are asked for.
enum class Half { kDown, kUp };

template <class Number>
struct Gather {
  const std::int64_t* id;  // (slots)
  std::int64_t slots;
  const ExpertRows& rows;

  const Number* row(Half half, std::int64_t slot) const {
    return half == Half::kDown ? rows.down<Number>(id[slot]) : rows.up<Number>(id[slot]);
  }

  // Asks for the records of the four slots from `slot` on, which may belong to the next token, line by line: while one half's line of
  // columns is in use, the same share of the whole record.
  auto ask_for(std::int64_t slot) const {
    std::array<const std::byte*, 4> record;
    for (std::int64_t q = 0; q < 4; ++q) record[q] = rows.record(id[std::min(slot + q, slots - 1)]);
    return [record](std::int64_t column) {
      constexpr std::int64_t kLineBytes = kCacheLineFloats * sizeof(float);
      for (const std::byte* r : record)
        for (std::size_t line = 0; line < 2 * sizeof(Number) / sizeof(float); ++line)
          ask_for_line(r + column * 2 * static_cast<std::int64_t>(sizeof(Number)) + static_cast<std::int64_t>(line) * kLineBytes);
    };
  }

  // out[r] = <vector, half of slot begin + r>, r < count
  void dot(Half half, const float* vector, std::int64_t begin, std::int64_t count, float* out) const {
    dot_rows(
        vector, rows.width, count, [&](std::int64_t r) { return row(half, begin + r); },
        [&](std::int64_t r) { return ask_for(begin + r + kAhead<Number>); }, out);
  }

  // sum += sum_r weight[r] (half of slot begin + r), r < count
  void add(Half half, const float* weight, std::int64_t begin, std::int64_t count, float* sum) const {
    add_rows(
        sum, rows.width, count, [&](std::int64_t r) { return row(half, begin + r); }, [&](std::int64_t r) { return weight[r]; });
  }
};

template <class Number>
void mix(Context& ctx, const ExpertMix& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1];
  const Gather<Number> gather{op.id.data, tokens * picks, op.rows};
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

template <class Number>
void mix_backward(Context& ctx, const ExpertMixBackward& op) {
  const std::int64_t tokens = op.id.shape[0], picks = op.id.shape[1];
  const Gather<Number> gather{op.id.data, tokens * picks, op.rows};

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

}  // namespace

void expert_mix(Context& ctx, const ExpertMix& op) {
  with_number_of(op.rows, [&](auto number) { mix<decltype(number)>(ctx, op); });
}

void expert_mix_backward(Context& ctx, const ExpertMixBackward& op) {
  with_number_of(op.rows, [&](auto number) { mix_backward<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cpu
