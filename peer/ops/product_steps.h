// What a product of matrices sums over, a step at a time. A step is 32 bits: one number in fp32, or two in bf16 that follow one another
// along the depth of the product and whose products are added by one instruction, twice as fast.
//
// Numbers are rounded to the nearest bf16, ties to even, as bfloat16_of does it; those below 2^-126 count as 0.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "peer/base/element.h"
#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

using Step = std::uint32_t;
inline Step load_step(const Step* data) {  // which may have been stored as numbers
  Step step;
  std::memcpy(&step, data, sizeof step);
  return step;
}

struct Fp32Steps {
  static constexpr bool kExact = true;
  static constexpr std::int64_t kNumbers = 1;  // of a step
  static std::int64_t count(std::int64_t width) { return width; }
  static void take(const float* row, std::int64_t width, Step* steps) {
    std::memcpy(steps, row, static_cast<std::size_t>(width) * sizeof(Step));
  }
  // The steps of kNumbers vectors that follow one another in a row, and of kNumbers rows in the same columns.
  static VectorLanes of_neighbours(const VectorLanes* numbers) { return numbers[0]; }
  static VectorLanes of_rows(const VectorLanes* numbers) { return numbers[0]; }
  // Numbers [first, first + kVectorLanes) of a row of steps; may be put over a row of floats behind what has been read of it.
  static void put(VectorLanes numbers, Step* row, std::int64_t first) { store_lanes(row + first, numbers); }
  static VectorLanes rounded(VectorLanes numbers) { return numbers; }
  static VectorLanes add_products(VectorLanes sum, Step a, VectorLanes b) { return sum + std::bit_cast<float>(a) * b; }
};

#if defined(__AVX512BF16__)
struct Bf16Steps {
  static constexpr bool kExact = false;
  static constexpr std::int64_t kNumbers = 2;
  static std::int64_t count(std::int64_t width) { return (width + 1) / 2; }
  static void take(const float* row, std::int64_t width, Step* steps) {
    std::int64_t i = 0;
    for (; i + 2 * kVectorLanes <= width; i += 2 * kVectorLanes) {
      const VectorLanes numbers[] = {load_lanes(row + i), load_lanes(row + i + kVectorLanes)};
      store_lanes(steps + i / 2, of_neighbours(numbers));
    }
    for (; i < width; i += 2) steps[i / 2] = (i + 1 < width ? Step{bfloat16_of(row[i + 1])} : 0) << 16 | bfloat16_of(row[i]);
  }
  static VectorLanes of_neighbours(const VectorLanes* numbers) { return (VectorLanes)_mm512_cvtne2ps_pbh(numbers[1], numbers[0]); }
  static VectorLanes of_rows(const VectorLanes* numbers) { return (VectorLanes)(bits_of(numbers[1]) << 16 | bits_of(numbers[0])); }
  static void put(VectorLanes numbers, Step* row, std::int64_t first) {
    const __m256bh bits = _mm512_cvtneps_pbh(numbers);
    std::memcpy(row + first / 2, &bits, sizeof bits);
  }
  static VectorLanes rounded(VectorLanes numbers) { return (VectorLanes)(bits_of(numbers) << 16); }
  static VectorLanes add_products(VectorLanes sum, Step a, VectorLanes b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)));
  }

 private:
  using Bits __attribute__((vector_size(kVectorBytes))) = std::uint32_t;
  static Bits bits_of(VectorLanes numbers) {
    std::uint16_t bits __attribute__((vector_size(kVectorBytes / 2)));
    const __m256bh rounded = _mm512_cvtneps_pbh(numbers);
    std::memcpy(&bits, &rounded, sizeof bits);
    return __builtin_convertvector(bits, Bits);
  }
};
inline constexpr bool kMultipliesBf16 = true;
#else
using Bf16Steps = Fp32Steps;
inline constexpr bool kMultipliesBf16 = false;
#endif

}  // namespace PEER_VECTORS
}  // namespace peer::ops
