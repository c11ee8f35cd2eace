// Sorting as a fixed list of comparisons without a branch: every lane of vectors by itself, so that as many lists are sorted at once as a
// vector has lanes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <utility>

#include "peer/ops/vector_bytes.h"

namespace peer::ops {
inline namespace PEER_VECTORS {

struct Exchange {
  unsigned char better, worse;
};

// Batcher's odd-even merge sort of N, a power of two (1968).
template <int N, std::size_t exchanges>
constexpr auto odd_even_merge_sort() {
  std::array<Exchange, exchanges> network{};
  std::size_t n = 0;
  for (int p = 1; p < N; p *= 2)
    for (int k = p; k >= 1; k /= 2)
      for (int j = k % p; j < N - k; j += 2 * k)
        for (int i = j; i < std::min(j + k, N - k); ++i)
          if (i / (2 * p) == (i + k) / (2 * p)) network.at(n++) = {static_cast<unsigned char>(i), static_cast<unsigned char>(i + k)};
  return network;
}
inline constexpr auto kSort8 = odd_even_merge_sort<8, 19>();
inline constexpr auto kSort16 = odd_even_merge_sort<16, 63>();

// Sorts what rises and then falls, or falls and then rises.
template <std::size_t N>
inline constexpr auto kSortBitonic = [] {
  std::array<Exchange, N / 2 * std::bit_width(N - 1)> network{};
  std::size_t n = 0;
  for (std::size_t k = N / 2; k >= 1; k /= 2)
    for (std::size_t i = 0; i < N; ++i)
      if (!(i & k)) network[n++] = {static_cast<unsigned char>(i), static_cast<unsigned char>(i + k)};
  return network;
}();

template <class Column>
[[gnu::always_inline]] inline Column larger(Column a, Column b) {
  return a > b ? a : b;
}

// Every lane by itself: columns[0] >= columns[1] >= ...
template <const auto& kNetwork, class Column>
[[gnu::always_inline]] inline void sort_columns(Column* columns) {
  const auto exchange = [columns](Exchange at) __attribute__((always_inline)) {
    const Column a = columns[at.better], b = columns[at.worse];
    columns[at.better] = a > b ? a : b;
    columns[at.worse] = b > a ? a : b;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) { (exchange(kNetwork[I]), ...); }
  (std::make_index_sequence<kNetwork.size()>());
}

}  // namespace PEER_VECTORS
}  // namespace peer::ops
