#pragma once

#include <cstdint>
#include <type_traits>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer {

// A matrix inside a larger one: element (i, j) at data[i*stride + j].
template <class T>
struct Matrix {
  T* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  std::int64_t stride = 0;

  Matrix() = default;
  Matrix(T* d, std::int64_t r, std::int64_t c, std::int64_t s) : data(d), rows(r), columns(c), stride(s) {}
  Matrix(View<T, 2> v) : Matrix(v.data, v.shape[0], v.shape[1], v.shape[1]) {}  // NOLINT: a view is a matrix
  operator Matrix<const T>() const                                              // NOLINT: a mutable matrix is a constant one
      requires(!std::is_const_v<T>) {
    return {data, rows, columns, stride};
  }
};

enum class Transpose { kNo, kYes };

// op(A) (M, K), op(B) (K, N), C (M, N).
struct GemmShape {
  std::int64_t m = 0, n = 0, k = 0;

  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n * k); }
  double bytes(float beta) const { return 4.0 * static_cast<double>(m * k + k * n + (beta != 0 ? 2 : 1) * m * n); }
};

struct Extent {
  std::int64_t rows, columns;
  template <class T>
  Extent(const Matrix<T>& x) : rows(x.rows), columns(x.columns) {}  // NOLINT: a matrix has an extent
  Extent(std::int64_t r, std::int64_t c) : rows(r), columns(c) {}
};
// Throws ContractError when the matrices do not fit together.
GemmShape gemm_shape(Extent a, Transpose ta, Extent b, Transpose tb, Extent c);

// C = op(A) op(B) + beta C, fp32, op by the Transpose beside each operand. op(A) (M, K), op(B) (K, N), C (M, N).
// beta 0 sets C (whatever it held), beta 1 adds. Deterministic at a fixed number of threads. May be called inside an OpenMP parallel
// region, where it uses the calling thread only. A row of C depends on its row of A and on B alone, but its last bits may differ
// between values of M.
void gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c);

}  // namespace peer
