#include "peer/device/device.h"

#include <omp.h>

#include <string>

#include "peer/base/error.h"
#include "peer/device/context.h"
#include "peer/device/copy.h"
#include "peer/device/cuda_build.h"
#include "peer/device/gemm.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"

using namespace peer;
using peer::test::test_device;

namespace {

// What opening a context on `device` fails with; empty where it works.
std::string failure_of(const std::string& device) {
  try {
    const Context ctx(parse_device(device));
    return "";
  } catch (const DeviceError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a device is cpu, cuda or cuda with a number") {
  CHECK(parse_device("cpu") == Device{});
  CHECK(parse_device("cuda") == Device{Device::Kind::kCuda, 0});
  CHECK(parse_device("cuda:3") == Device{Device::Kind::kCuda, 3});
  for (const char* text : {"", "gpu", "cuda:", "cuda:x", "cpu:0", "cuda:-1", "cuda:1k", "cuda:4294967296"})
    CHECK_THROWS_AS(parse_device(text), UsageError);
}

TEST_CASE("a CUDA device that this build or this machine does not have is one clear line") {
  const std::string line = failure_of("cuda:4096");
  CHECK(line.find(kWithCuda ? "no CUDA device" : "without CUDA") != std::string::npos);
  CHECK(line.find("--device cpu") != std::string::npos);
  CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("memory of a CUDA device that is not there is a DeviceError") {
  CHECK_THROWS_AS(Buffer<float>(parse_device("cuda:4096"), 16), DeviceError);
}

TEST_CASE("a queue's copies and zeros come in order, before the host reads what it waited for") {
  Context ctx(test_device());
  Buffer<int> a(ctx.device(), 5), b(ctx.device(), 5);
  for (int i = 0; i < 5; ++i) a[i] = i + 1;
  queue_copy(ctx, a.view(5), b.view(5));
  queue_zero(ctx, a.view(5));
  ctx.wait();
  for (int i = 0; i < 5; ++i) {
    CHECK(a[i] == 0);
    CHECK(b[i] == i + 1);
  }
  CHECK_THROWS_AS(queue_copy(ctx, a.view(5), b.view(4)), ContractError);
}

TEST_CASE("a buffer copied to another is the same elements") {
  Context ctx;
  Buffer<int> from(3), narrow(2);
  for (int i = 0; i < 3; ++i) from[i] = 10 + i;
  const Buffer<int> to = copy_to(ctx, ctx.device(), from);
  REQUIRE(to.size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(to[i] == 10 + i);
  CHECK(to.data() != from.data());
  CHECK_THROWS_AS(copy(ctx, from, narrow), ContractError);
}

TEST_CASE("rows are copied between strides, and what lies between them stays") {
  Context ctx(test_device());
  Buffer<int> from(ctx.device(), 12), to(ctx.device(), 20);
  for (int i = 0; i < 12; ++i) from[i] = i + 1;
  copy_rows(ctx.device(), from.data(), 4 * sizeof(int), to.data(), 7 * sizeof(int), 3 * sizeof(int), 3);
  for (int r = 0; r < 3; ++r)
    for (int c = 0; c < 7 && 7 * r + c < 20; ++c) CHECK(to[7 * r + c] == (c < 3 ? 4 * r + c + 1 : 0));
  CHECK_THROWS_AS(copy_rows(ctx.device(), from.data(), 4, to.data(), 4, 8, 2), ContractError);
}

TEST_CASE("a context multiplies with its own number of threads, whichever context was made last") {
  Context two(Device{}, 2);
  const Context one(Device{}, 1);
  Buffer<float> a(64 * 64), b(64 * 64), c(64 * 64);
  gemm(two, Matrix<float>(a.view(64, 64)), Transpose::kNo, Matrix<float>(b.view(64, 64)), Transpose::kNo, 0, c.view(64, 64));
  CHECK(omp_get_max_threads() == 2);
}
