#include "peer/device/cuda_backend.h"
#include "peer/ops/cuda_expert_twins.h"
#include "peer/ops/record_update.cuh"
#include "peer/ops/run_sums.cuh"
#include "peer/ops/token_of_slot.h"

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
  TokenOfSlot token_of;

  __device__ Run run_of(std::int64_t u) const { return {op.begin[u], op.begin[u + 1]}; }
};

// A thread's packs of [x | dy], whose rows are whole packs.
template <class Group, class Vector, int kPacks>
struct Columns {
  const Vector* of_token_0[kPacks];
  const float* weight[kPacks];  // (N*R)  what a slot multiplies them by
  std::uint32_t width;

  // A pack behind the record's end is its last again, so that no loop over places has a branch for it.
  __device__ explicit Columns(const Terms<Vector>& terms) : width(static_cast<std::uint32_t>(terms.op.rows.width)) {
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t number = first_of_pack<Group>(p), last = 2 * terms.op.rows.width - kPack, first = number < last ? number : last;
      of_token_0[p] = first < width ? terms.x + first : terms.dy + first - width;
      weight[p] = first < width ? terms.op.dhidden.data : terms.op.up_weight.data;
    }
  }
};

// Vectors of some places and their weights, on their way.
template <class Vector, int kPacks>
struct Places {
  static constexpr int kRegisters = kPacks * static_cast<int>(sizeof(RawPack<Vector>)) / 4;  // of one place
  static constexpr int kCount = kRegisters < 8 ? 4 : 32 / kRegisters;
  RawPack<Vector> vector[kCount][kPacks];
  float weight[kCount][kPacks];

  // From `place` on; behind the run's end its last place comes again, so that no branch stands between one load and the next.
  template <class Group>
  __device__ Places(const Terms<Vector>& terms, const Columns<Group, Vector, kPacks>& columns, std::int32_t place, std::int32_t end) {
    std::uint32_t slot[kCount];
#pragma unroll
    for (int i = 0; i < kCount; ++i) slot[i] = static_cast<std::uint32_t>(terms.op.order[place + i < end ? place + i : end - 1]);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const std::uint64_t row = std::uint64_t{terms.token_of(slot[i])} * columns.width;
#pragma unroll
      for (int p = 0; p < kPacks; ++p) vector[i][p] = load_raw(columns.of_token_0[p] + row), weight[i][p] = columns.weight[p][slot[i]];
    }
  }

  // gradient += the first `count` of them, in order. Where all are wanted nothing is asked between them: a load behind a question of its
  // own would be moved there, and no longer be under way with the others.
  __device__ void add_to(RecordGradient<kPacks>& gradient, std::int32_t count) const {
    if (count >= kCount) {
#pragma unroll
      for (int i = 0; i < kCount; ++i) add_one(gradient, i);
    } else {
#pragma unroll
      for (int i = 0; i < kCount - 1; ++i)
        if (i < count) add_one(gradient, i);
    }
  }

 private:
  __device__ void add_one(RecordGradient<kPacks>& gradient, int i) const {
#pragma unroll
    for (int p = 0; p < kPacks; ++p) add_scaled(gradient.pack[p], weight[i][p], widened(vector[i][p]));
  }
};

// The sum of the run's places, in order. meanwhile() is called once, when the first of them are on their way.
template <class Group, class Vector, int kPacks, class Meanwhile>
__device__ RecordGradient<kPacks> sum_of_whole_packs(const Terms<Vector>& terms, Run run, Meanwhile meanwhile) {
  using Some = Places<Vector, kPacks>;
  const Columns<Group, Vector, kPacks> columns(terms);
  const auto end = static_cast<std::int32_t>(run.end);
  auto place = static_cast<std::int32_t>(run.begin);
  Some some(terms, columns, place, end);
  meanwhile();
  RecordGradient<kPacks> gradient{};
  while (true) {
    some.add_to(gradient, end - place);
    place += Some::kCount;
    if (place >= end) break;
    some = Some(terms, columns, place, end);
  }
#pragma unroll
  for (int p = 0; p < kPacks; ++p)
    if (first_of_pack<Group>(p) >= 2 * terms.op.rows.width) gradient.pack[p] = {};
  return gradient;
}

// The same of a width that is no multiple of eight, where a pack may have numbers of both x and dy.
template <class Group, class Vector, int kPacks>
__device__ RecordGradient<kPacks> sum_of_numbers(const Terms<Vector>& terms, Run run) {
  const std::int64_t width = terms.op.rows.width;
  RecordGradient<kPacks> gradient{};
  for (std::int64_t place = run.begin; place < run.end; ++place) {
    const auto slot = static_cast<std::uint32_t>(terms.op.order[place]);
    const Vector *x = terms.x + terms.token_of(slot) * width, *dy = terms.dy + terms.token_of(slot) * width;
    const float down = terms.op.dhidden.data[slot], up = terms.op.up_weight.data[slot];
#pragma unroll
    for (int p = 0; p < kPacks; ++p)
      for (int i = 0; i < kPack; ++i)
        if (const std::int64_t c = first_of_pack<Group>(p) + i; c < 2 * width)
          gradient.pack[p].x[i] += c < width ? down * x[c] : up * dy[c - width];
  }
  return gradient;
}

// Of a run that is not empty.
template <class Group, class Vector, bool kWhole, int kPacks, class Meanwhile>
__device__ RecordGradient<kPacks> sum_of(const Terms<Vector>& terms, Run run, Meanwhile meanwhile) {
  if constexpr (kWhole) {
    return sum_of_whole_packs<Group, Vector, kPacks>(terms, run, meanwhile);
  } else {
    meanwhile();
    return sum_of_numbers<Group, Vector, kPacks>(terms, run);
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
    const Run run = terms.run_of(segment), inside{run.begin > begin ? run.begin : begin, run.end < end ? run.end : end};
    const RecordGradient<kPacks> sum = sum_of<Group, Vector, kWhole, kPacks>(terms, inside, [] {});
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = first_of_pack<Group>(p);
      if (first < columns) store_pack<kWhole>(sum.pack[p].x, windows.sum + i * columns + first, columns - first);
    }
  });
}

// The sum of the sums of a long segment's windows, in order.
template <class Group, bool kWhole, int kPacks>
__device__ RecordGradient<kPacks> sum_of_windows(const Windows& windows, Run run, std::int64_t columns) {
  RecordGradient<kPacks> gradient{};
  for (std::int64_t w = run.begin / kWindow; w * kWindow < run.end; ++w) {
    const float* sum = windows.sum + (2 * w + (run.begin > w * kWindow)) * columns;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t first = first_of_pack<Group>(p);
      if (first < columns) add_scaled(gradient.pack[p], 1, load_pack<kWhole>(sum + first, columns - first));
    }
  }
  return gradient;
}

template <class Number, class Vector, class Group, bool kWhole, int kPacks>
void update_segments(Context& ctx, const ExpertRowUpdate& op, const Vector* x, const Vector* dy) {
  const Terms<Vector> terms{op, x, dy, TokenOfSlot(static_cast<std::uint32_t>(op.dhidden.shape[1]))};
  const Windows windows = long_segments(ctx, op);
  sum_windows<Vector, Group, kWhole, kPacks>(ctx, terms, windows);
  for_each_group<Group>(ctx, op.expert.shape[0], [=] __device__(std::int64_t c) {
    const Run run = terms.run_of(terms.op.first + c);
    const TrainedRecord<Number> record = trained_record<kWhole, Number>(terms.op.rows, terms.op.expert[c]);
    if (record.expert < 0) return;
    ask_for<Group, kPacks>(record);
    const auto begin = [&] { begin_update<Group>(terms.op.rule, record); };
    const std::int64_t places = run.end - run.begin;
    RecordGradient<kPacks> gradient{};
    if (places == 0 || places > kWindow) {
      begin();
      if (places > 0) gradient = sum_of_windows<Group, kWhole, kPacks>(windows, run, 2 * terms.op.rows.width);
    } else {
      gradient = sum_of<Group, Vector, kWhole, kPacks>(terms, run, begin);
    }
    finish_update<Group, kWhole>(terms.op.rule.clip, record, gradient);
  });
}

template <class Number>
void update(Context& ctx, const ExpertRowUpdate& op) {
  with_record_group(op.rows.width, [&]<class Group, bool kWhole, int kPacks>() {
    if constexpr (kWhole)
      if (ctx.precision() == Precision::kBf16)  // x and dy are read once for each pick: half the bytes
        return update_segments<Number, Bfloat16, Group, kWhole, kPacks>(ctx, op, cuda_rounded(ctx, kRoundedX, op.x).data,
                                                                        cuda_rounded(ctx, kRoundedDy, op.dy).data);
    update_segments<Number, float, Group, kWhole, kPacks>(ctx, op, op.x.data, op.dy.data);
  });
}

}  // namespace

void expert_row_update(Context& ctx, const ExpertRowUpdate& op) {
  with_number_of(op.rows, [&](auto number) { update<decltype(number)>(ctx, op); });
}

}  // namespace peer::ops::cuda
