#include <algorithm>
#include <cmath>

#include "peer/ops/cpu_twins.h"
#include "peer/ops/vector_math.h"

namespace peer::ops::cpu {
namespace {

// log(sum exp(x / T)).
float log_sum_exp(const float* x, std::int64_t count, float inverse_temperature) {
  float largest = x[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 1; i < count; ++i) largest = x[i] > largest ? x[i] : largest;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += polynomial_exp((x[i] - largest) * inverse_temperature);
  return largest * inverse_temperature + std::log(sum);
}

}  // namespace

void distillation(Context& ctx, const Distillation& op) {
  const auto [rows, width] = op.student.shape;
  const float inverse = 1 / op.temperature, slope = op.scale * op.temperature;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t n = 0; n < rows; ++n) {
    const float* student = op.student.row(n);
    float* teacher = op.teacher.row(n);
    if (op.target[n] < 0) {
      op.divergence[n] = 0;
      std::fill_n(teacher, width, 0.0f);
      continue;
    }
    const float student_norm = log_sum_exp(student, width, inverse), teacher_norm = log_sum_exp(teacher, width, inverse);
    float divergence = 0;
#pragma omp simd reduction(+ : divergence)
    for (std::int64_t i = 0; i < width; ++i) {
      const float log_p = teacher[i] * inverse - teacher_norm, log_q = student[i] * inverse - student_norm;
      const float p = polynomial_exp(log_p);
      divergence += p * (log_p - log_q);
      teacher[i] = slope * (polynomial_exp(log_q) - p);
    }
    op.divergence[n] = op.temperature * op.temperature * divergence;
  }
}

}  // namespace peer::ops::cpu
