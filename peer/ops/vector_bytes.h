#pragma once

#include <cstdint>
#include <cstring>

// What depends on the vectors of the path that includes this stands in a namespace that is named for them, so that it may be compiled for
// several machines into one program:   namespace peer::ops { inline namespace PEER_VECTORS { ... } }
#if defined(__AVX512BF16__)
#define PEER_VECTORS vectors_of_64_bytes_and_bf16
#elif defined(__AVX512F__)
#define PEER_VECTORS vectors_of_64_bytes
#elif defined(__AVX2__)
#define PEER_VECTORS vectors_of_32_bytes
#else
#define PEER_VECTORS vectors_of_16_bytes
#endif

namespace peer::ops {
inline namespace PEER_VECTORS {

// Bytes of a vector register. The compiler takes wider vectors apart: sums of them lie in memory from one turn of a loop to the next, and
// comparisons end as single numbers, ten times as slow.
#if defined(__AVX512F__)
inline constexpr std::int64_t kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr std::int64_t kVectorBytes = 32;
#else
inline constexpr std::int64_t kVectorBytes = 16;
#endif

using VectorLanes __attribute__((vector_size(kVectorBytes))) = float;
inline constexpr std::int64_t kVectorLanes = kVectorBytes / sizeof(float);

inline VectorLanes load_lanes(const void* data) {
  VectorLanes lanes;
  std::memcpy(&lanes, data, sizeof lanes);
  return lanes;
}
inline void store_lanes(void* data, VectorLanes lanes) { std::memcpy(data, &lanes, sizeof lanes); }

// The least number of whole vectors' lanes that is not below `count`.
constexpr std::int64_t whole_vectors(std::int64_t count) { return (count + kVectorLanes - 1) / kVectorLanes * kVectorLanes; }

}  // namespace PEER_VECTORS
}  // namespace peer::ops
