#include "tests/bench/disk_benchmarks.h"

#include <sys/mman.h>

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "peer/base/philox.h"
#include "tests/bench/stopwatch.h"
#include "tests/support/evictable_file.h"

namespace peer::bench {
namespace {

using test::EvictableFile;

// Rows of small numbers, as many as the shape has experts.
std::string write_rows(const PeerShape& s) {
  const std::string path = std::filesystem::temp_directory_path() / fmt::format("peer-bench-rows-{}", getpid());
  const Random random(1, Purpose::kTest);
  std::vector<float> page(static_cast<std::size_t>(1 << 20));
  for (std::size_t i = 0; i < page.size(); ++i) page[i] = static_cast<float>(random.uniform(i) - 0.5) / 8;
  std::ofstream out(path, std::ios::binary);
  for (std::int64_t left = s.experts() * ops::frozen_record_bytes(s.width); left > 0;) {
    const std::int64_t bytes = std::min<std::int64_t>(left, static_cast<std::int64_t>(page.size() * sizeof(float)));
    out.write(reinterpret_cast<const char*>(page.data()), bytes);
    left -= bytes;
  }
  if (!out) throw IoError(path + ": cannot be written");
  return path;
}

volatile std::byte sink;  // what is read must not be left out by the compiler

// Reads these pages of the system, asked for all at once.
void read_pages(const EvictableFile& file, const std::vector<std::int64_t>& pages) {
  for (const std::int64_t page : pages)
    madvise(const_cast<std::byte*>(file.data()) + page * EvictableFile::kPage, EvictableFile::kPage, MADV_WILLNEED);
  for (const std::int64_t page : pages) sink = file.data()[page * EvictableFile::kPage];
}

}  // namespace

void disk_miss(Report& report, const PeerShape& s, double percent, int rounds, Goal goal) {
  Context ctx(Device{}, 1);
  EvictableFile file(write_rows(s));
  PeerWorkbench bench(ctx, s, file.data());
  bench.forward();
  const std::int64_t record = ops::frozen_record_bytes(s.width);
  std::vector<bool> needed(static_cast<std::size_t>(file.pages()));
  for (const std::int64_t e : bench.different())
    for (std::int64_t at = e * record / EvictableFile::kPage; at * EvictableFile::kPage < (e + 1) * record; ++at)
      needed[static_cast<std::size_t>(at)] = true;
  std::vector<double> measured[2], limits, reached[2];
  std::int64_t missing = 0;
  for (int round = 0; round < rounds; ++round) {
    const Random random(static_cast<std::uint64_t>(round), Purpose::kTest, 1);
    std::vector<std::int64_t> there;
    missing = 0;
    for (std::int64_t page = 0; page < file.pages(); ++page) {
      if (!needed[static_cast<std::size_t>(page)]) continue;
      if (random.uniform(static_cast<std::uint64_t>(page)) < percent / 100)
        ++missing;
      else
        there.push_back(page);
    }
    double reading = 0, cold[2];  // of two batches that miss some: the first does not expect it
    for (double& seconds : cold) {
      file.evict();
      reading = seconds_of(Clock::kWall, [&] { read_pages(file, there); });
      seconds = seconds_of(Clock::kWall, [&] { bench.forward(); });
    }
    bench.forward();  // finds nothing missing any more
    const double warm = seconds_of(Clock::kWall, [&] { bench.forward(); });
    const double limit = warm + static_cast<double>(missing) * reading / static_cast<double>(there.size());
    for (int batch = 0; batch < 2; ++batch) {
      measured[batch].push_back(1e3 * cold[batch]);
      reached[batch].push_back(100 * limit / cold[batch]);
    }
    limits.push_back(1e3 * limit);
  }
  const std::string shape = fmt::format("E={} T={} D={} {:g}%", s.experts(), s.tokens, s.width, percent);
  if (percent > 0) report.print({"disk.first", shape, "ms", median(measured[0]), median(limits), median(reached[0])});
  report.print({"disk.miss", shape, "ms", median(measured[1]), median(limits), median(reached[1]), goal});
}

}  // namespace peer::bench
