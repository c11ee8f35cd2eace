// What tensor cores are told to multiply, against a plain loop.
#include <vector>

#include "peer/device/context.h"
#include "peer/device/copy.h"
#include "peer/ops/warp_matrix.cuh"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
namespace cuda = peer::ops::cuda;

namespace {

// c (16, 16) = a (16, 16) b (16, 16), or a b', by one warp.
template <bool kTransposed, bool kByExchange>
__global__ void product_kernel(const float* a, const float* b, float* c) {
  struct alignas(16) Tile {
    std::uint32_t of[16][8];
  };
  __shared__ Tile left, right;
  const int lane = threadIdx.x;
  for (int i = lane; i < 16 * 8; i += cuda::kWarp) {
    left.of[i / 8][i % 8] = cuda::bf16_pair<kByExchange>(a[2 * i], a[2 * i + 1]);
    right.of[i / 8][i % 8] = cuda::bf16_pair<kByExchange>(b[2 * i], b[2 * i + 1]);
  }
  __syncwarp();
  cuda::LeftMatrix matrix;
  std::uint32_t words[4];
  cuda::load_matrices<false, kByExchange>(matrix.words, &left.of[lane % 16][lane / 16 * 4]);
  cuda::load_matrices<!kTransposed, kByExchange>(words, &right.of[lane % 16][lane / 16 * 4]);
  for (int half = 0; half < 2; ++half) {
    float sums[4] = {};
    if (kTransposed)
      cuda::multiply_add<kByExchange>(sums, matrix, words[half], words[half + 2]);
    else
      cuda::multiply_add<kByExchange>(sums, matrix, words[2 * half], words[2 * half + 1]);
    for (int i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 16 + 8 * half + lane % 4 * 2 + i % 2] = sums[i];
  }
}

double rounded(float x) { return Bfloat16{bfloat16_of(x)}; }

template <bool kTransposed, bool kByExchange>
double error_of_product() {
  Context ctx(parse_device("cuda"));
  const Buffer<float> a = random_normal(256, 1), b = random_normal(256, 2);
  const Buffer<float> on_a = copy_to(ctx, ctx.device(), a), on_b = copy_to(ctx, ctx.device(), b);
  Buffer<float> on_c(ctx.device(), 256);
  cuda::launch(ctx, "product_kernel", product_kernel<kTransposed, kByExchange>, 1, cuda::kWarp, on_a.data(), on_b.data(), on_c.data());
  std::vector<double> expected(256);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 16; ++j)
      for (int k = 0; k < 16; ++k) expected[i * 16 + j] += rounded(a[i * 16 + k]) * rounded(kTransposed ? b[j * 16 + k] : b[k * 16 + j]);
  return relative_error(copy_to(ctx, Device{}, on_c), expected);
}

}  // namespace

TEST_CASE("a warp multiplies matrices of bf16 from shared memory, the right one as it lies there or transposed") {
  CHECK(error_of_product<false, kSimulatedGpu>() < 1e-6);
  CHECK(error_of_product<true, kSimulatedGpu>() < 1e-6);
}

TEST_CASE("a card's instructions mean what the simulated GPU makes of them") {
  CHECK(error_of_product<false, true>() < 1e-6);
  CHECK(error_of_product<true, true>() < 1e-6);
}
