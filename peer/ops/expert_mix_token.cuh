// One token through its experts by a block that reads each record once: down and up of a pick are asked for together, and a warp adds up
// its share of the picks in registers, so that no memory is waited for between a product and the row that it weighs. For rows of kPacks
// packs a lane, which is 256, 512, 768 or 1,024 numbers: then no lane is without work, and every offset is known to the compiler.
//
// A Pass says what is multiplied and what is added (expert_mix_cuda.cu):
//   Number, op.id (N, R), op.rows;   vector(n), sum(n): rows of D numbers;   kMultiplied: 0 where that row is down, 1 where it is up;
//   scale(slot): of pick n*R + r, before its product is known;   weight(scale, product);   keep(slot, product, weight): what the op sets.
#pragma once

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/row_pack.cuh"

namespace peer::ops::cuda {

inline constexpr int kLanePack = kWarp * kPack;                                // numbers of a row that a warp has when each lane has a pack
inline constexpr int kMostWidth = 4 * kLanePack, kMostPicks = kWarps * kWarp;  // of a token that is taken so

template <bool kWhole, class Pass>
__device__ const typename Pass::Number* record_of_pick(const Pass& pass, std::int64_t slot) {
  const std::int64_t id = pass.op.id.data[slot];
  device_require(id >= 0 && id < pass.op.rows.count);
  const auto* record = pass.op.rows.template nearest_parameters<typename Pass::Number>(id);
  if constexpr (kWhole) device_require(is_aligned(record));
  return record;
}

// A vector in shared memory. The halves of its packs lie apart, so that neighbouring lanes read neighbouring 16 bytes.
template <int kPacks>
struct SharedVector {
  float4 half[2][kPacks * kWarp];

  __device__ Pack pack(int i) const { return widened(RawPack<float>{half[0][i], half[1][i]}); }
  __device__ void set(int i, const Pack& pack) {
    half[0][i] = {pack.x[0], pack.x[1], pack.x[2], pack.x[3]};
    half[1][i] = {pack.x[4], pack.x[5], pack.x[6], pack.x[7]};
  }
};

// Pack p of a lane is number p * kWarp + lane of a row.
template <int kPacks>
struct LaneSum {
  Pack pack[kPacks];
};

// A lane's packs of some records, on their way: 64 registers, which are 8 KiB a warp.
template <class Pass, int kPacks>
struct Records {
  using Number = typename Pass::Number;
  static constexpr int kCount = 4 / kPacks * (sizeof(Number) == 2 ? 2 : 1);
  static constexpr int kMultiplied = Pass::kMultiplied * kPacks * kLanePack, kAdded = kPacks * kLanePack - kMultiplied;
  RawPack<Number> multiplied[kCount][kPacks], added[kCount][kPacks];

  // Those of lanes `first`, first + 1, ...; behind the last of `lanes` it comes again, so that no branch stands between two loads.
  __device__ Records(const Number* of_lane, int first, int lanes) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const auto address = reinterpret_cast<unsigned long long>(of_lane);
      const auto* record = reinterpret_cast<const Number*>(__shfl_sync(0xffffffffu, address, first + i < lanes ? first + i : lanes - 1)) +
                           threadIdx.x % kWarp * kPack;
#pragma unroll
      for (int p = 0; p < kPacks; ++p) {
        multiplied[i][p] = load_raw(record + kMultiplied + p * kLanePack);
        added[i][p] = load_raw(record + kAdded + p * kLanePack);
      }
    }
  }

  // <vector, multiplied row> of each.
  __device__ void products(const SharedVector<kPacks>& vector, float (&product)[kCount]) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) product[i] = 0;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const Pack x = vector.pack(p * kWarp + threadIdx.x % kWarp);
#pragma unroll
      for (int i = 0; i < kCount; ++i) product[i] += dot(x, widened(multiplied[i][p]));
    }
    warp_sums(product);
  }
};

// sum += `lanes` picks from `slot` on, in order, by the calling warp. A lane holds what belongs to a pick.
template <int kPacks, class Pass>
__device__ void add_picks(const Pass& pass, std::int64_t slot, int lanes, const SharedVector<kPacks>& vector, LaneSum<kPacks>& sum) {
  using Some = Records<Pass, kPacks>;
  const int lane = threadIdx.x % kWarp;
  slot += lane < lanes ? lane : lanes - 1;
  const auto* record = record_of_pick<true>(pass, slot);
  const float scale = pass.scale(slot);
  float my_product = 0;
  for (int first = 0; first < lanes; first += Some::kCount) {
    const Some some(record, first, lanes);
    float product[Some::kCount];
    some.products(vector, product);
#pragma unroll
    for (int i = 0; i < Some::kCount; ++i) {
      const float weight = pass.weight(__shfl_sync(0xffffffffu, scale, (first + i) % kWarp), product[i]);
      if (first + i >= lanes) continue;
      if (lane == first + i) my_product = product[i];
#pragma unroll
      for (int p = 0; p < kPacks; ++p) add_scaled(sum.pack[p], weight, widened(some.added[i][p]));
    }
  }
  if (lane < lanes) pass.keep(slot, my_product, pass.weight(scale, my_product));
}

// to (D) = the sums of all warps, in order.
template <int kPacks>
__device__ void add_warps(const SharedVector<kPacks> (&of_warp)[kWarps], float* to) {
  for (int i = threadIdx.x; i < kPacks * kLanePack / 4; i += kThreads) {
    float4 sum = of_warp[0].half[i % 2][i / 2];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) {
      const float4 other = of_warp[w].half[i % 2][i / 2];
      sum = {sum.x + other.x, sum.y + other.y, sum.z + other.z, sum.w + other.w};
    }
    reinterpret_cast<float4*>(to)[i] = sum;
  }
}

// All picks of token n by the calling block. A warp takes neighbouring picks; the first one's sum begins with what was there.
template <int kPacks, class Pass>
__device__ void take_token(const Pass& pass, std::int64_t n) {
  __shared__ SharedVector<kPacks> vector, of_warp[kWarps];
  const int thread = threadIdx.x, warp = thread / kWarp, lane = thread % kWarp;
  if (thread < kPacks * kWarp) vector.set(thread, load_whole(pass.vector(n) + thread * kPack));
  LaneSum<kPacks> sum{};
  if (warp == 0)
    for (int p = 0; p < kPacks; ++p) sum.pack[p] = load_whole(pass.sum(n) + p * kLanePack + lane * kPack);
  __syncthreads();

  const int picks = static_cast<int>(pass.op.id.shape[1]), share = (picks + kWarps - 1) / kWarps, first = warp * share;
  const int lanes = picks - first < share ? picks - first : share;
  if (lanes > 0) add_picks<kPacks>(pass, n * picks + first, lanes, vector, sum);

#pragma unroll
  for (int p = 0; p < kPacks; ++p) of_warp[warp].set(p * kWarp + lane, sum.pack[p]);
  __syncthreads();
  add_warps(of_warp, pass.sum(n));
}

}  // namespace peer::ops::cuda
