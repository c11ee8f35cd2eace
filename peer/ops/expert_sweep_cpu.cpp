#include <omp.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/record_update.h"
#include "peer/ops/row_kernels.h"
#include "peer/ops/vector_bytes.h"

namespace peer::ops::cpu {
namespace {

constexpr std::int64_t kGroup = 4;           // picks whose vectors are read side by side
constexpr std::int64_t kRecordsAhead = 2;    // the record that is asked for while one is updated
constexpr std::int64_t kPicksOfARecord = 2;  // reading and writing a record takes about as long as the vectors of so many picks

// What of a pick's three numbers needs no row, token by token: dgate and dhidden still lack their factor u.
void prepare(const ExpertSweep& op, std::int64_t token) {
  const std::int64_t picks = op.gate.shape[1];
  const float *gate = op.gate.row(token), *hidden = op.hidden.row(token);
  float *dgate = op.dgate.row(token), *dhidden = op.dhidden.row(token), *up_weight = op.up_weight.row(token);
#pragma omp simd
  for (std::int64_t r = 0; r < picks; ++r) {
    dgate[r] = activate(op.activation, hidden[r]);
    dhidden[r] = gate[r] * activate_derivative(op.activation, hidden[r]);
    up_weight[r] = gate[r] * dgate[r];
  }
}

// The first segment of a thread's share, which their sizes alone decide.
std::int64_t first_segment(const ExpertSweep& op, std::int64_t thread, std::int64_t threads) {
  const std::int64_t segments = op.expert.shape[0];
  if (thread == threads) return segments;
  const auto cost_before = [&](std::int64_t u) { return op.begin[u] + kPicksOfARecord * u; };
  const std::int64_t share = cost_before(segments) * thread / threads;
  std::int64_t low = 0, high = segments;
  while (low < high) {
    const std::int64_t middle = (low + high) / 2;
    if (cost_before(middle) < share)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

// The vectors of a few picks of one expert, and what they add to its gradient and to dx.
template <int kPicks>
struct Group {
  const float *x[kPicks], *dy[kPicks];
  float* dx[kPicks];  // the same twice where two heads of a token picked the expert
  float dhidden[kPicks], up_weight[kPicks];

  // Columns [i, i + numbers in Lanes). gradient: [ddown | dup], set by the first group of a segment.
  template <class Lanes>
  void add(std::int64_t i, std::int64_t width, const float* down, bool first, float* gradient) const {
    const auto load = [](Lanes& lanes, const float* from) { std::memcpy(&lanes, from, sizeof lanes); };
    Lanes row, ddown{}, dup{};
    load(row, down + i);
    if (!first) load(ddown, gradient + i), load(dup, gradient + width + i);
#pragma GCC unroll 4
    for (int q = 0; q < kPicks; ++q) {
      Lanes of_x, of_dy, of_dx;
      load(of_x, x[q] + i), load(of_dy, dy[q] + i), load(of_dx, dx[q] + i);
      ddown += dhidden[q] * of_x;
      dup += up_weight[q] * of_dy;
      of_dx += dhidden[q] * row;
      std::memcpy(dx[q] + i, &of_dx, sizeof of_dx);
    }
    std::memcpy(gradient + i, &ddown, sizeof ddown);
    std::memcpy(gradient + width + i, &dup, sizeof dup);
  }
};

// A thread's way through its segments.
template <class Number>
class Segments {
 public:
  // scratch (4D), dx (N, D): of this thread alone.
  Segments(const ExpertSweep& op, float* scratch, float* dx)
      : op_(op), width_(op.x.shape[1]), picks_(op.gate.shape[1]), row_(scratch), gradient_(scratch + 2 * width_), dx_(dx) {}

  void run(std::int64_t u) {
    const std::int64_t expert = op_.expert[u], begin = op_.begin[u], end = op_.begin[u + 1];
    const float* down = read(expert);
    for (std::int64_t first = begin; first < end; first += kGroup) {
      float of_up[kGroup];
      const auto dy = [&](std::int64_t q) { return op_.dy.row(token(std::min(first + q, end - 1))); };  // the last one again behind the end
      dot_rows(
          down + width_, width_, kGroup, dy, [&](std::int64_t) { return ask_for(first, end); }, of_up);
      switch (std::min(kGroup, end - first)) {
        case 1:
          add<1>(first, down, of_up, first == begin);
          break;
        case 2:
          add<2>(first, down, of_up, first == begin);
          break;
        case 3:
          add<3>(first, down, of_up, first == begin);
          break;
        default:
          add<kGroup>(first, down, of_up, first == begin);
      }
    }
    const ExpertPage& page = op_.rows.page_of(expert);
    if (!page.trainable) return;
    const std::int64_t later = op_.expert[std::min(u + kRecordsAhead, op_.expert.shape[0] - 1)];
    update_record(op_.rule, gradient_, 2 * width_, RowRounding(op_.rule.rounding_key(), expert), op_.rows.parameters<Number>(expert),
                  op_.rows.parameters<const Number>(later));
    mark_dirty(page);
  }

 private:
  std::int64_t token(std::int64_t place) const { return op_.order[place] / picks_; }

  // Asks for what the group from `first` on adds up, and for what the dots of the next group read, of whichever expert.
  auto ask_for(std::int64_t first, std::int64_t end) const {
    const float *x[kGroup], *dx[kGroup], *dy[kGroup];
    for (std::int64_t q = 0; q < kGroup; ++q) {
      const std::int64_t now = token(std::min(first + q, end - 1));
      x[q] = op_.x.row(now), dx[q] = dx_ + now * width_;
      dy[q] = op_.dy.row(token(std::min(first + kGroup + q, op_.order.shape[0] - 1)));
    }
    return [=](std::int64_t column) {
      for (int q = 0; q < kGroup; ++q) ask_for_line(x[q] + column), ask_for_line(dx[q] + column), ask_for_line(dy[q] + column);
    };
  }

  template <int kPicks>
  void add(std::int64_t first, const float* down, const float* of_up, bool fresh) {
    Group<kPicks> group;
    for (int q = 0; q < kPicks; ++q) {
      const std::int64_t slot = op_.order[first + q], n = slot / picks_;
      op_.dgate.data[slot] *= of_up[q];
      group.dhidden[q] = op_.dhidden.data[slot] *= of_up[q];
      group.up_weight[q] = op_.up_weight.data[slot];
      group.x[q] = op_.x.row(n), group.dy[q] = op_.dy.row(n), group.dx[q] = dx_ + n * width_;
    }
    std::int64_t i = 0;
    for (; i + kVectorLanes <= width_; i += kVectorLanes) group.template add<VectorLanes>(i, width_, down, fresh, gradient_);
    for (; i < width_; ++i) group.template add<float>(i, width_, down, fresh, gradient_);
  }

  // [down | up] in fp32.
  const float* read(std::int64_t expert) const {
    const Number* from = op_.rows.parameters<const Number>(expert);
    if constexpr (std::is_same_v<Number, float>) return from;
    for (std::int64_t i = 0; i < 2 * width_; ++i) row_[i] = from[i];
    return row_;
  }

  const ExpertSweep& op_;
  std::int64_t width_, picks_;
  float *row_, *gradient_, *dx_;
};

template <class Number>
void backward(Context& ctx, const ExpertSweep& op) {
  const std::int64_t tokens = op.x.shape[0], width = op.x.shape[1], numbers = tokens * width, stride = 4 * width + kCacheLineFloats;
  const int threads = ctx.threads();
  float* scratch = ctx.scratch<float>(0, threads * stride);
  float* parts = ctx.scratch<float>(1, std::max<std::int64_t>(1, (threads - 1) * numbers));  // dx of all threads but the first
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
#pragma omp for schedule(static)
    for (std::int64_t n = 0; n < tokens; ++n) prepare(op, n);
    float* dx = thread == 0 ? op.dx.data : parts + (thread - 1) * numbers;
    if (thread > 0) std::fill_n(dx, numbers, 0.0f);
    Segments<Number> segments(op, scratch + thread * stride, dx);
    for (std::int64_t u = first_segment(op, thread, threads), end = first_segment(op, thread + 1, threads); u < end; ++u) segments.run(u);
#pragma omp barrier
    for (int part = 0; part + 1 < threads; ++part) {
#pragma omp for simd schedule(static) nowait
      for (std::int64_t i = 0; i < numbers; ++i) op.dx.data[i] += parts[part * numbers + i];
    }
  }
}

}  // namespace

void expert_sweep(Context& ctx, const ExpertSweep& op) {
  with_number_of(op.rows, [&](auto number) { backward<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cpu
