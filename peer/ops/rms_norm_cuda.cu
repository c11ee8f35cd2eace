#include <cmath>

#include "peer/ops/column_sums.cuh"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/lane_group.cuh"

namespace peer::ops::cuda {
namespace {

constexpr std::int64_t kWidestOfWarp = 8 * kWarp;

// body<Group>() with the threads that take a row: a warp for a head's, a block for a token's.
template <class Body>
void with_group(std::int64_t width, Body body) {
  if (width <= kWidestOfWarp)
    body.template operator()<WarpGroup>();
  else
    body.template operator()<BlockGroup>();
}

template <class Group>
void norm_rows(Context& ctx, const RmsNorm& op) {
  const std::int64_t width = op.x.shape[1];
  for_each_group<Group>(ctx, op.x.shape[0], [=] __device__(std::int64_t n) {
    const float* x = op.x.row(n);
    float squares = 0;
    for (std::int64_t i = Group::rank(); i < width; i += Group::kSize) squares += x[i] * x[i];
    const float r = 1.0f / std::sqrt(Group::sum(squares) / static_cast<float>(width) + op.epsilon);
    if (Group::rank() == 0) op.inverse_rms[n] = r;
    for (std::int64_t i = Group::rank(); i < width; i += Group::kSize) op.y.set(n * width + i, x[i] * r * op.weight[i]);
  });
}

// With r = (mean(x^2) + epsilon)^-1/2:  dx = r weight dy - x r^3 <weight dy, x> / D,   dweight = sum_n r x dy
template <class Group>
void add_row_gradients(Context& ctx, const RmsNormBackward& op) {
  const std::int64_t width = op.x.shape[1];
  for_each_group<Group>(ctx, op.x.shape[0], [=] __device__(std::int64_t n) {
    const float *x = op.x.row(n), *dy = op.dy.row(n);
    float* dx = op.dx.row(n);
    float product = 0;
    for (std::int64_t i = Group::rank(); i < width; i += Group::kSize) product += op.weight[i] * dy[i] * x[i];
    const float r = op.inverse_rms[n];
    const float along_x = r * r * r * Group::sum(product) / static_cast<float>(width);
    for (std::int64_t i = Group::rank(); i < width; i += Group::kSize) dx[i] += r * op.weight[i] * dy[i] - along_x * x[i];
  });
}

template <int kNumbers>
void weight_gradient(Context& ctx, const RmsNormBackward& op) {
  const std::int64_t width = op.x.shape[1];
  column_sums<1, kNumbers>(
      ctx, 0, op.x.shape[0], width,
      [=] __device__(std::int64_t n, std::int64_t c, ColumnSums<1, kNumbers> & sum) {
        const auto x = load_numbers<kNumbers>(op.x.data + n * width + c), dy = load_numbers<kNumbers>(op.dy.data + n * width + c);
        for (int i = 0; i < kNumbers; ++i) sum[0][i] += static_cast<double>(op.inverse_rms[n] * x.x[i] * dy.x[i]);
      },
      [=] __device__(std::int64_t c, const double* sum) { op.dweight[c] += static_cast<float>(sum[0]); });
}

}  // namespace

void rms_norm(Context& ctx, const RmsNorm& op) {
  with_group(op.x.shape[1], [&]<class Group>() { norm_rows<Group>(ctx, op); });
}

void rms_norm_backward(Context& ctx, const RmsNormBackward& op) {
  const std::int64_t width = op.x.shape[1];
  with_group(width, [&]<class Group>() { add_row_gradients<Group>(ctx, op); });
  if (!op.dweight.empty()) with_lane_numbers(width, {op.x.data, op.dy.data}, [&]<int kNumbers>() { weight_gradient<kNumbers>(ctx, op); });
}

}  // namespace peer::ops::cuda
