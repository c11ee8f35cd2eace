#include "peer/device/matrix_vector.h"

#include <cstring>

#include "peer/device/streaming_sums.h"

namespace peer {
namespace {

constexpr std::int64_t kNumbersWorthThreads = 1 << 16;

// Where the CPU has wider vectors, and the build a path for them, in whose section this code lies too (cpu_paths.cmake).
#if defined(__x86_64__) && defined(__GNUC__) && (PEER_CPU_PATHS & 2)
__attribute__((target("avx2,fma"), section(".text_avx2"), noinline)) float wide_dot(const float* x, const float* row, std::int64_t count) {
  using Eight __attribute__((vector_size(32))) = float;
  constexpr int kEights = 8;
  Eight sums[kEights] = {};
  std::int64_t i = 0;
  for (; i + 8 * kEights <= count; i += 8 * kEights) {
#pragma GCC unroll 8
    for (int s = 0; s < kEights; ++s) {
      Eight lanes, of_row;
      std::memcpy(&lanes, x + i + 8 * s, sizeof lanes);
      std::memcpy(&of_row, row + i + 8 * s, sizeof of_row);
      sums[s] += lanes * of_row;
    }
  }
#pragma GCC unroll 4
  for (int half = kEights / 2; half > 0; half /= 2)
#pragma GCC unroll 4
    for (int s = 0; s < half; ++s) sums[s] += sums[s + half];
  float sum = ((sums[0][0] + sums[0][4]) + (sums[0][1] + sums[0][5])) + ((sums[0][2] + sums[0][6]) + (sums[0][3] + sums[0][7]));
  for (; i < count; ++i) sum += x[i] * row[i];
  return sum;
}
bool has_wide_dots(CpuPath path) { return path != CpuPath::kPortable && is_runnable(CpuPath::kAvx2); }
#else
float wide_dot(const float* x, const float* row, std::int64_t count) { return streaming_dot(x, row, count); }
bool has_wide_dots(CpuPath) { return false; }
#endif

}  // namespace

void matrix_vector(Context& ctx, const float* x, Matrix<const float> w, float beta, float* y) {
  const bool wide = has_wide_dots(ctx.cpu_path());
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (w.rows * w.columns >= kNumbersWorthThreads)
  for (std::int64_t j = 0; j < w.rows; ++j) {  // one row at a time: several would be several streams of memory, which were half as fast
    const float* row = w.data + j * w.stride;
    const float sum = wide ? wide_dot(x, row, w.columns) : streaming_dot(x, row, w.columns);
    y[j] = beta == 0 ? sum : sum + beta * y[j];
  }
}

}  // namespace peer
