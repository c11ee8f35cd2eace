#include "peer/device/host_staging.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "peer/base/error.h"
#include "peer/device/buffer.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"

using namespace peer;
using peer::test::test_device;

namespace {

using Bytes = std::vector<std::byte>;

Buffer<std::byte> numbered(std::int64_t bytes, int first) {
  Buffer<std::byte> buffer(test_device(), bytes);
  for (std::int64_t i = 0; i < bytes; ++i) buffer[i] = static_cast<std::byte>(first + i);
  return buffer;
}

// What is shown of each source, in the order in which it comes.
std::vector<Bytes> read_all(HostStaging& staging, const std::vector<HostStaging::Source>& sources) {
  std::vector<Bytes> read(sources.size());
  std::size_t last = 0;
  staging.read(sources, [&](std::size_t source, std::int64_t offset, std::span<const std::byte> bytes) {
    CHECK(source >= last);
    CHECK(offset == static_cast<std::int64_t>(read[source].size()));
    CHECK(static_cast<std::int64_t>(bytes.size()) % sources[source].unit_bytes == 0);
    CHECK_FALSE(bytes.empty());
    read[source].insert(read[source].end(), bytes.begin(), bytes.end());
    last = source;
  });
  return read;
}

}  // namespace

TEST_CASE("memory of a device is read in order, whether sources are smaller than a piece, as large or larger") {
  HostStaging staging(test_device(), 64);
  const std::int64_t sizes[] = {10, 0, 64, 1, 300, 63, 128, 5};
  std::vector<Buffer<std::byte>> buffers;
  std::vector<HostStaging::Source> sources;
  for (const std::int64_t bytes : sizes) {
    buffers.push_back(numbered(bytes, static_cast<int>(3 * bytes)));
    sources.push_back({buffers.back().data(), bytes});
  }
  for (int time = 0; time < 2; ++time) {  // the second time with the memory of the first
    const std::vector<Bytes> read = read_all(staging, sources);
    for (std::size_t s = 0; s < sources.size(); ++s) {
      REQUIRE(static_cast<std::int64_t>(read[s].size()) == sources[s].bytes);
      CHECK(std::equal(read[s].begin(), read[s].end(), buffers[s].data()));
    }
  }
}

TEST_CASE("units are shown whole, and one that no piece can hold is refused") {
  HostStaging staging(test_device(), 64);
  const Buffer<std::byte> odd = numbered(50, 1), records = numbered(7 * 24, 9);
  const std::vector<Bytes> read = read_all(staging, {{odd.data(), 50, 1}, {records.data(), 7 * 24, 24}});
  REQUIRE(read[1].size() == 7 * 24);
  CHECK(std::equal(read[1].begin(), read[1].end(), records.data()));
  CHECK_THROWS_AS(read_all(staging, {{records.data(), 130, 65}}), ContractError);
  CHECK_THROWS_AS(read_all(staging, {{records.data(), 50, 24}}), ContractError);
}

TEST_CASE("a reader that fails leaves the device's memory to the host, and the next read is whole") {
  HostStaging staging(test_device(), 16);
  Buffer<std::byte> buffer = numbered(100, 5);
  const HostStaging::Source source{buffer.data(), 100};
  const auto fail = [](std::size_t, std::int64_t, std::span<const std::byte>) { throw std::runtime_error("full"); };
  CHECK_THROWS_AS(staging.read({&source, 1}, fail), std::runtime_error);
  buffer[99] = std::byte{77};
  CHECK(read_all(staging, {source})[0][99] == std::byte{77});
}

TEST_CASE("the CPU's own memory is shown in place") {
  HostStaging staging({}, 16);
  const Buffer<std::byte> buffer(100);
  const HostStaging::Source source{buffer.data(), 100, 10};
  int shown = 0;
  staging.read({&source, 1}, [&](std::size_t, std::int64_t, std::span<const std::byte> bytes) {
    CHECK(bytes.data() == buffer.data());
    CHECK(bytes.size() == 100);
    ++shown;
  });
  CHECK(shown == 1);
}
