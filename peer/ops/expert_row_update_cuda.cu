#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/record_update.cuh"
#include "peer/ops/run_sums.cuh"

namespace peer::ops::cuda {
namespace {

// Places of row_order that one group sums alone. A segment of more, of an expert that much of a batch picks, is cut where the windows of so
// many places are, summed a window at a time by different blocks, and those sums are added in order.
constexpr std::int64_t kWindow = 512;
// Slots of scratch memory.
constexpr int kRoundedX = 0, kRoundedDy = 1, kLongSegments = 2, kWindowSums = 3;

// Of a window only the segment that it begins in and the one that begins in it and goes on behind it can be long.
struct Windows {
  std::int64_t count = 0;           // 0: there is no long segment
  std::int32_t* segment = nullptr;  // (count, 2)  the long segments that begin before the window, and in it; -1: none
  float* sum = nullptr;             // (count, 2, 2D)
};

// What the sums are made of; x and dy in fp32, or rounded to bf16.
template <class Vector>
struct Terms {
  ExpertRowUpdate op;
  const Vector *x, *dy;  // (N, D)

  __device__ Run run_of(std::int64_t u) const { return {op.begin[u], op.begin[u + 1]}; }
};

// Numbers first .. first + 7 of [x | dy] of a token.
template <bool kWhole, class Vector>
__device__ Pack vectors_of(const Terms<Vector>& terms, std::uint32_t token, std::int64_t first) {
  const std::int64_t width = terms.op.rows.width;
  const Vector *x = terms.x + token * width, *dy = terms.dy + token * width;
  if constexpr (kWhole) {
    return load_whole(first < width ? x + first : dy + first - width);
  } else {
    Pack pack{};
    for (std::int64_t i = 0, c = first; i < kPack && c < 2 * width; ++i, ++c) pack.x[i] = c < width ? x[c] : dy[c - width];
    return pack;
  }
}

// What a place adds to numbers first .. first + 7 of a record; a pack of a width that is no multiple of eight may have both weights.
template <bool kWhole, class Vector>
__device__ void add_place(const Terms<Vector>& terms, std::uint32_t slot, std::uint32_t picks, std::int64_t first, Pack& sum) {
  const Pack vector = vectors_of<kWhole>(terms, slot / picks, first);
  const std::int64_t width = terms.op.rows.width;
  const float *down = terms.op.dhidden.data + slot, *up = terms.op.up_weight.data + slot;
  if constexpr (kWhole) {
    add_scaled(sum, first < width ? *down : *up, vector);
  } else {
    for (int i = 0; i < kPack; ++i) sum.x[i] += (first + i < width ? *down : *up) * vector.x[i];
  }
}

// gradient += the places of the run, in order.
template <class Group, class Vector, bool kWhole, int kPacks>
__device__ void add_run(const Terms<Vector>& terms, Run run, RecordGradient<kPacks>& gradient) {
  const auto picks = static_cast<std::uint32_t>(terms.op.dhidden.shape[1]);
  const std::int64_t count = 2 * terms.op.rows.width;
  [[maybe_unused]] constexpr int kTogether = kWhole ? 4 : 1;  // places whose loads are in flight at once
#pragma unroll kTogether
  for (std::int64_t place = run.begin; place < run.end; ++place) {
    const auto slot = static_cast<std::uint32_t>(terms.op.order[place]);
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = (static_cast<std::int64_t>(p) * Group::kSize + Group::rank()) * kPack;
      if (first < count) add_place<kWhole>(terms, slot, picks, first, gradient.pack[p]);
    }
  }
}

Windows long_segments(Context& ctx, const ExpertRowUpdate& op) {
  const std::int64_t slots = op.dhidden.size(), count = blocks_of(slots, kWindow);
  if (slots <= kWindow) return {};
  const Windows windows{count, ctx.scratch<std::int32_t>(kLongSegments, 2 * count),
                        ctx.scratch<float>(kWindowSums, 2 * count * 2 * op.rows.width)};
  for_each_element(ctx, 2 * count, [=] __device__(std::int64_t i) { windows.segment[i] = -1; });
  for_each_element(ctx, op.expert.shape[0], [=] __device__(std::int64_t c) {
    const std::int64_t begin = op.begin[op.first + c], end = op.begin[op.first + c + 1];
    if (end - begin <= kWindow) return;
    for (std::int64_t w = begin / kWindow; w * kWindow < end; ++w)
      windows.segment[2 * w + (begin > w * kWindow)] = static_cast<std::int32_t>(op.first + c);
  });
  return windows;
}

template <class Vector, class Group, bool kWhole, int kPacks>
void sum_windows(Context& ctx, const Terms<Vector>& terms, const Windows& windows) {
  const std::int64_t columns = 2 * terms.op.rows.width;
  for_each_group<Group>(ctx, 2 * windows.count, [=] __device__(std::int64_t i) {
    const std::int64_t segment = windows.segment[i], begin = i / 2 * kWindow, end = begin + kWindow;
    if (segment < 0) return;
    const Run run = terms.run_of(segment);
    RecordGradient<kPacks> sum{};
    add_run<Group, Vector, kWhole>(terms, {run.begin > begin ? run.begin : begin, run.end < end ? run.end : end}, sum);
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = (static_cast<std::int64_t>(p) * Group::kSize + Group::rank()) * kPack;
      if (first < columns) store_pack<kWhole>(sum.pack[p].x, windows.sum + i * columns + first, columns - first);
    }
  });
}

// gradient += the sums of a long segment's windows, in order.
template <class Group, bool kWhole, int kPacks>
__device__ void add_windows(const Windows& windows, Run run, std::int64_t columns, RecordGradient<kPacks>& gradient) {
  for (std::int64_t w = run.begin / kWindow; w * kWindow < run.end; ++w) {
    const float* sum = windows.sum + (2 * w + (run.begin > w * kWindow)) * columns;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = (static_cast<std::int64_t>(p) * Group::kSize + Group::rank()) * kPack;
      if (first < columns) add_scaled(gradient.pack[p], 1, load_pack<kWhole>(sum + first, columns - first));
    }
  }
}

template <class Number, class Vector, class Group, bool kWhole, int kPacks>
void update_segments(Context& ctx, const ExpertRowUpdate& op, const Vector* x, const Vector* dy) {
  const Terms<Vector> terms{op, x, dy};
  const Windows windows = long_segments(ctx, op);
  sum_windows<Vector, Group, kWhole, kPacks>(ctx, terms, windows);
  for_each_group<Group>(ctx, op.expert.shape[0], [=] __device__(std::int64_t c) {
    const std::int64_t expert = terms.op.expert[c];
    if (!takes_update(terms.op.rows, expert)) return;
    const Run run = terms.run_of(terms.op.first + c);
    RecordGradient<kPacks> gradient{};
    if (run.end - run.begin > kWindow)
      add_windows<Group, kWhole>(windows, run, 2 * terms.op.rows.width, gradient);
    else
      add_run<Group, Vector, kWhole>(terms, run, gradient);
    update_record<Group, Number, kWhole>(terms.op.rule, terms.op.rows, expert, gradient);
  });
}

// Rows of tokens are read once for each of their picks: half the bytes in bf16.
const Bfloat16* rounded(Context& ctx, int slot, View<const float, 2> x) {
  Bfloat16* to = ctx.scratch<Bfloat16>(slot, x.size());
  for_each_element(ctx, x.size() / kPack, [=] __device__(std::int64_t i) {
    const Pack pack = load_whole(x.data + i * kPack);
    Bfloat16 numbers[kPack];
    for (int j = 0; j < kPack; ++j) numbers[j].bits = bfloat16_of(pack.x[j]);
    store_whole(numbers, to + i * kPack);
  });
  return to;
}

template <class Number>
void update(Context& ctx, const ExpertRowUpdate& op) {
  with_record_group(op.rows.width, [&]<class Group, bool kWhole, int kPacks>() {
    if constexpr (kWhole)
      if (ctx.precision() == Precision::kBf16)
        return update_segments<Number, Bfloat16, Group, kWhole, kPacks>(ctx, op, rounded(ctx, kRoundedX, op.x),
                                                                        rounded(ctx, kRoundedDy, op.dy));
    update_segments<Number, float, Group, kWhole, kPacks>(ctx, op, op.x.data, op.dy.data);
  });
}

}  // namespace

void expert_row_update(Context& ctx, const ExpertRowUpdate& op) {
  with_number_of(op.rows, [&](auto number) { update<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cuda
