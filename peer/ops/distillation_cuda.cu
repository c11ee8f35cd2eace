#include <cmath>
#include <limits>

#include "peer/ops/block_reduce.cuh"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cuda {
namespace {

__device__ float log_sum_exp(const float* x, std::int64_t count, float inverse_temperature) {
  float largest = -std::numeric_limits<float>::infinity();
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) largest = x[i] > largest ? x[i] : largest;
  largest = block_max(largest);
  float sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) sum += polynomial_exp((x[i] - largest) * inverse_temperature);
  return largest * inverse_temperature + std::log(block_sum(sum));
}

}  // namespace

void distillation(Context& ctx, const Distillation& op) {
  const std::int64_t width = op.student.shape[1];
  const float inverse = 1 / op.temperature, slope = op.scale * op.temperature;
  for_each_block(ctx, op.student.shape[0], [=] __device__(std::int64_t n) {
    const float* student = op.student.row(n);
    float* teacher = op.teacher.row(n);
    if (op.target[n] < 0) {
      for (std::int64_t i = threadIdx.x; i < width; i += kThreads) teacher[i] = 0;
      if (threadIdx.x == 0) op.divergence[n] = 0;
      return;
    }
    const float student_norm = log_sum_exp(student, width, inverse), teacher_norm = log_sum_exp(teacher, width, inverse);
    float divergence = 0;
    for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
      const float log_p = teacher[i] * inverse - teacher_norm, log_q = student[i] * inverse - student_norm;
      const float p = polynomial_exp(log_p);
      divergence += p * (log_p - log_q);
      teacher[i] = slope * (polynomial_exp(log_q) - p);
    }
    divergence = block_sum(divergence);
    if (threadIdx.x == 0) op.divergence[n] = op.temperature * op.temperature * divergence;
  });
}

}  // namespace peer::ops::cuda
