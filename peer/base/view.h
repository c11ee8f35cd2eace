#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace peer {

// A borrowed, contiguous, row-major window on memory that a Buffer owns. Trivially copyable: goes straight into kernels, which may
// call what is constexpr.
template <class T, int Rank>
struct View {
  T* data = nullptr;
  std::array<std::int64_t, Rank> shape{};

  View() = default;
  template <class... Sizes>
  View(T* d, Sizes... sizes) : data(d), shape{static_cast<std::int64_t>(sizes)...} {
    static_assert(sizeof...(Sizes) == Rank);
  }

  operator View<const T, Rank>() const  // NOLINT: a mutable view is a constant view
      requires(!std::is_const_v<T>) {
    View<const T, Rank> constant;
    constant.data = data;
    constant.shape = shape;
    return constant;
  }

  constexpr std::int64_t size() const {
    std::int64_t product = 1;
    for (auto extent : shape) product *= extent;
    return product;
  }
  constexpr bool empty() const { return data == nullptr; }
  // The elements after the first dimension: row i of a matrix, slice i of a tensor.
  constexpr T* row(std::int64_t i) const {
    std::int64_t stride = 1;
    for (int d = 1; d < Rank; ++d) stride *= shape[d];
    return data + i * stride;
  }
  constexpr T& operator[](std::int64_t i) const { return data[i]; }
};

}  // namespace peer
