// The CUDA twin of an op beside its CPU twin, over the same numbers. (The CPU twins are tested against the oracles in tests/ops.)
#pragma once

#include <tuple>
#include <type_traits>

#include "peer/device/context.h"
#include "peer/device/copy.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

namespace peer::test {

inline constexpr double kParityTolerance = 1e-5;  // of the largest number of a tensor: sums are in another order

template <class T>
void check_parity(Context& cuda, const Buffer<T>& expected, const Buffer<T>& on_cuda) {
  const Buffer<T> actual = copy_to(cuda, Device{}, on_cuda);
  if constexpr (std::is_floating_point_v<T>)
    CHECK(relative_error(actual, to_doubles(expected)) < kParityTolerance);
  else
    CHECK(same_bits(actual, expected));
}

// Calls op(ctx, tensors...) on both devices, each with its own copy of the tensors, and compares every tensor afterwards: inputs must be
// unchanged, outputs the same.
template <class Op, class... T>
void check_parity(Op op, Buffer<T>... tensors) {
  Context cpu, cuda(parse_device("cuda"));
  std::tuple<Buffer<T>...> copies(copy_to(cuda, cuda.device(), tensors)...);
  op(cpu, tensors...);
  std::apply([&](auto&... on_cuda) { op(cuda, on_cuda...); }, copies);
  std::apply([&](auto&... on_cuda) { (check_parity(cuda, tensors, on_cuda), ...); }, copies);
}

}  // namespace peer::test
