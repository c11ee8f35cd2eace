// The largest of a list of numbers, found by a warp, against sorting them; and how many blocks a kernel may have.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "peer/base/error.h"
#include "peer/device/context.h"
#include "peer/device/copy.h"
#include "peer/ops/warp_select.cuh"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
namespace cuda = peer::ops::cuda;
using ops::RankKey;

namespace {

// A lane's numbers of a list: six of every 192.
struct List {
  static constexpr int kCount = 6;
  const float* numbers;
  int size, lane;

  __device__ int groups() const { return (size + kCount * cuda::kWarp - 1) / (kCount * cuda::kWarp); }
  __device__ int places() const { return size; }
  __device__ int place(int group, unsigned j) const { return (group * kCount + static_cast<int>(j)) * cuda::kWarp + lane; }
  __device__ RankKey key(int place) const { return ops::rank_key(numbers[place], static_cast<std::uint32_t>(place)); }
  __device__ void load(int group, float (&to)[kCount]) const {
    for (int j = 0; j < kCount; ++j) to[j] = place(group, j) < size ? numbers[place(group, j)] : std::numeric_limits<float>::quiet_NaN();
  }
};

// Two warps take the largest of the same list, from shared memory of their own.
__global__ void take_kernel(const float* numbers, int size, int wanted, RankKey* taken) {
  const int lane = static_cast<int>(threadIdx.x % cuda::kWarp), warp = static_cast<int>(threadIdx.x / cuda::kWarp);
  cuda::warp_take_largest(lane, wanted, List{numbers, size, lane}, [&](int k, RankKey key) { taken[warp * wanted + k] = key; });
}

__global__ void largest_kernel(const float* numbers, float* largest) {
  const int lane = static_cast<int>(threadIdx.x);
  for (int wanted = 1; wanted <= cuda::kWarp; ++wanted) {
    const float number = cuda::largest_of_lanes(lane, numbers[lane], wanted);
    if (lane == wanted % cuda::kWarp) largest[wanted - 1] = number;
  }
}

__global__ void nothing_kernel(int) {}

std::vector<RankKey> taken_of(Context& ctx, const Buffer<float>& list, int wanted) {
  const Buffer<float> on_device = copy_to(ctx, ctx.device(), list);
  Buffer<RankKey> taken(ctx.device(), 2 * wanted);
  cuda::launch(ctx, "take_kernel", take_kernel, 1, 2 * cuda::kWarp, on_device.data(), static_cast<int>(list.size()), wanted, taken.data());
  const Buffer<RankKey> here = copy_to(ctx, Device{}, taken);
  return {here.data(), here.data() + here.size()};
}

std::vector<RankKey> twice_sorted(const Buffer<float>& list, int wanted) {
  std::vector<RankKey> keys;
  for (std::int64_t i = 0; i < list.size(); ++i) keys.push_back(ops::rank_key(list[i], static_cast<std::uint32_t>(i)));
  std::sort(keys.begin(), keys.end(), std::greater<>());
  keys.resize(static_cast<std::size_t>(wanted));
  keys.insert(keys.end(), keys.begin(), keys.begin() + wanted);
  return keys;
}

}  // namespace

TEST_CASE("a warp takes the largest of a list in falling order, NaN last and ties from the lower place on, however many there are") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNaN = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> normal;  // instead of a choice of numbers
  // The list of two numbers leaves more candidates than there is room for, the rare ones fewer than are wanted.
  const std::vector<std::vector<float>> kinds = {normal,
                                                 {0.0f, -0.0f},
                                                 {1, 2},
                                                 {kNaN},
                                                 {kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, kNaN, 1e-40f},
                                                 {-kInfinity, kNaN},
                                                 {kInfinity, -kInfinity, kNaN, -1e-40f, 0.0f, -0.0f, 3}};
  Context ctx(parse_device("cuda"));
  for (const std::int64_t size : {1, 5, 31, 32, 33, 64, 100, 127, 128, 129, 192, 193, 1000})
    for (std::size_t kind = 0; kind < kinds.size(); ++kind)
      for (const int wanted : {1, 7, 16, 32}) {
        if (wanted > size) continue;
        INFO("of " << size << ", " << wanted << " wanted, numbers of kind " << kind);
        Buffer<float> list = random_normal(size, 1);
        const auto choice = random_below<std::int32_t>(size, 2, static_cast<std::int64_t>(std::max<std::size_t>(1, kinds[kind].size())));
        for (std::int64_t i = 0; i < size; ++i)
          if (!kinds[kind].empty()) list[i] = kinds[kind][static_cast<std::size_t>(choice[i])];
        CHECK(taken_of(ctx, list, wanted) == twice_sorted(list, wanted));
      }
}

TEST_CASE("a warp takes the largest of a list where they are all in one lane") {
  Context ctx(parse_device("cuda"));
  for (const std::int64_t size : {180, 9000}) {  // six of the wanted, and more candidates than there is room for
    Buffer<float> list = random_normal(size, 3);
    for (std::int64_t i = 0; i < size; ++i)
      if (i % cuda::kWarp == 5) list[i] += 100;
    CHECK(taken_of(ctx, list, 16) == twice_sorted(list, 16));
  }
}

TEST_CASE("the largest, the second largest and so on of the lanes' numbers is known to all lanes") {
  Context ctx(parse_device("cuda"));
  for (const bool whole : {false, true}) {
    Buffer<float> numbers = random_normal(cuda::kWarp, 1);
    for (int i = 0; i < cuda::kWarp; ++i)
      numbers[i] = i == 3 ? -std::numeric_limits<float>::infinity() : whole ? std::round(numbers[i]) : numbers[i];
    const Buffer<float> on_device = copy_to(ctx, ctx.device(), numbers);
    Buffer<float> largest(ctx.device(), cuda::kWarp);
    cuda::launch(ctx, "largest_kernel", largest_kernel, 1, cuda::kWarp, on_device.data(), largest.data());
    const Buffer<float> actual = copy_to(ctx, Device{}, largest);
    std::sort(numbers.data(), numbers.data() + cuda::kWarp, std::greater<>());
    for (int i = 0; i < cuda::kWarp; ++i) CHECK(actual[i] == numbers[i]);
  }
}

TEST_CASE("a kernel of more blocks than a launch can number is refused") {
  Context ctx(parse_device("cuda"));
  CHECK_THROWS_AS(cuda::launch(ctx, "nothing_kernel", nothing_kernel, std::int64_t{1} << 31, 1, 0), ContractError);
  CHECK_THROWS_AS(cuda::launch(ctx, "nothing_kernel", nothing_kernel, (std::int64_t{1} << 32) + 1, 1, 0), ContractError);
}
