// A warp's product of small matrices on tensor cores, and how its lanes hold them (PTX ISA, mma.m16n8k16). Lane 4 g + c holds, two bf16 in
// a word, the first in its lower half, of
//   left  (16, 16) bf16:  words 0 (g, 2c..2c+1)   1 (g+8, 2c..2c+1)   2 (g, 2c+8..2c+9)   3 (g+8, 2c+8..2c+9)
//   right (16, 8)  bf16:  words 0 (2c..2c+1, g)   1 (2c+8..2c+9, g)
//   sums  (16, 8)  fp32:  0 and 1 (g, 2c..2c+1)   2 and 3 (g+8, 2c..2c+1)
// Each instruction stands beside its meaning in exchanges between lanes, which is what a simulated GPU runs and a test compares. All lanes
// of a warp call.
#pragma once

#include <cstdint>

#include "peer/base/element.h"
#include "peer/device/cuda_build.h"
#include "peer/ops/kernel_launch.cuh"

namespace peer::ops::cuda {

inline constexpr int kMatrixSide = 16;  // rows of left and sums, and the length of the products' sums

struct LeftMatrix {
  std::uint32_t words[4];
};

// Two numbers rounded to bf16, ties to even.
template <bool kByExchange = kSimulatedGpu>
__device__ std::uint32_t bf16_pair(float first, float second) {
  if constexpr (kByExchange) {
    return bfloat16_of(first) | static_cast<std::uint32_t>(bfloat16_of(second)) << 16;
  } else {
    std::uint32_t pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
  }
}

// sums += left * right
template <bool kByExchange = kSimulatedGpu>
__device__ void multiply_add(float (&sums)[4], const LeftMatrix& left, std::uint32_t right0, std::uint32_t right1) {
  if constexpr (kByExchange) {
    const auto both = [](std::uint32_t low, std::uint32_t high) { return static_cast<std::uint64_t>(high) << 32 | low; };
    const auto dot = [](std::uint64_t a, std::uint64_t b) {
      float sum = 0;
      for (int shift = 0; shift < 64; shift += 16)
        sum += Bfloat16{static_cast<std::uint16_t>(a >> shift)} * Bfloat16{static_cast<std::uint16_t>(b >> shift)};
      return sum;
    };
    const int lane = threadIdx.x % kWarp, group = lane / 4 * 4;
    for (int part = 0; part < 4; ++part) {  // columns 2 part.. and 2 part + 8.. of left
      const std::uint64_t upper = __shfl_sync(0xffffffffu, both(left.words[0], left.words[2]), group + part);
      const std::uint64_t lower = __shfl_sync(0xffffffffu, both(left.words[1], left.words[3]), group + part);
      for (int j = 0; j < 2; ++j) {
        const std::uint64_t column = __shfl_sync(0xffffffffu, both(right0, right1), (lane % 4 * 2 + j) * 4 + part);
        sums[j] += dot(upper, column), sums[2 + j] += dot(lower, column);
      }
    }
  } else {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(left.words[0]), "r"(left.words[1]), "r"(left.words[2]), "r"(left.words[3]), "r"(right0), "r"(right1));
  }
}

// Four 8x8 matrices of bf16 in shared memory: row r of matrix i begins at the `row` of lane 8 i + r, at a multiple of 16 bytes.
// words[i] = numbers (g, 2c..2c+1) of matrix i; transposed, its numbers (2c..2c+1, g).
template <bool kTransposed, bool kByExchange = kSimulatedGpu>
__device__ void load_matrices(std::uint32_t (&words)[4], const std::uint32_t* row) {
  if constexpr (kByExchange) {
    const int lane = threadIdx.x % kWarp, g = lane / 4, c = lane % 4;
    const auto row_of = [&](int other) {
      return reinterpret_cast<const std::uint32_t*>(__shfl_sync(0xffffffffu, reinterpret_cast<std::uintptr_t>(row), other));
    };
    const auto number = [&](int other) { return row_of(other)[g / 2] >> g % 2 * 16 & 0xffffu; };
    for (int i = 0; i < 4; ++i) {
      words[i] = kTransposed ? number(8 * i + 2 * c) : row_of(8 * i + g)[c];
      if (kTransposed) words[i] |= number(8 * i + 2 * c + 1) << 16;
    }
  } else {
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    if constexpr (kTransposed)
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                   : "r"(address)
                   : "memory");
    else
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                   : "r"(address)
                   : "memory");
  }
}

}  // namespace peer::ops::cuda
