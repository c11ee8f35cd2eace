#pragma once

#include <cstdint>

namespace peer::ops {

// Bytes of a vector register on the path that includes this. Sums and products of wider vectors are taken apart by the compiler;
// comparisons of wider ones end as single numbers, ten times as slow.
#if defined(__AVX512F__)
inline constexpr std::int64_t kVectorBytes = 64;
#elif defined(__AVX2__)
inline constexpr std::int64_t kVectorBytes = 32;
#else
inline constexpr std::int64_t kVectorBytes = 16;
#endif

}  // namespace peer::ops
