// pool_bench [FOLDER]: what a pool's commit, opening and rollback cost. FOLDER (default: the temporary one) takes 5 GB for a while.
//
//   checkpoint.cost  a commit in which 1 % of the pages of a million experts changed: bytes written against the bytes of those pages, and
//                    the time of the same bytes written to one new file and synced, in turn
//   open, rollback   opening a pool to read and reading what its head is; moving the head to the parent; with a few and with many experts
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "pool/pool.h"
#include "tests/bench/report_line.h"
#include "tests/bench/stopwatch.h"

using namespace peer;
using namespace peer::bench;

namespace {

constexpr pool::RowLayout kLayout{.width = 256, .rows_per_page = 4096};
constexpr BlockId kBlock{0};

// A page of which no two numbers are alike, so that no two pages are.
std::vector<float> page_of(std::int64_t number) {
  std::vector<float> rows(static_cast<std::size_t>(kLayout.rows_per_page * 2 * kLayout.width));
  std::iota(rows.begin(), rows.end(), static_cast<float>(number));
  rows[0] = -static_cast<float>(number);
  return rows;
}

class PoolBench {
 public:
  PoolBench(const std::string& path, std::int64_t experts) : path_(path), experts_(experts), pool_(pool::Pool::create(path)) {
    pool::Transaction transaction = pool_.begin({});
    transaction.set_table(kBlock, kLayout, experts);
    for (std::int64_t p = 0; p < pages(); ++p) transaction.put_page(kBlock, PageIndex{p}, page_of(p));
    head_ = transaction.commit("head", "all pages").id;
  }

  std::int64_t pages() const { return experts_ / kLayout.rows_per_page; }
  // Every call writes numbers that no page has held.
  pool::CommitReport change(std::vector<std::vector<float>>& changed) {
    const auto count = static_cast<std::int64_t>(changed.size());
    pool::Transaction transaction = pool_.begin(head_);
    for (std::int64_t i = 0; i < count; ++i) {
      std::vector<float>& page = changed[static_cast<std::size_t>(i)];
      page[0] = static_cast<float>(++number_);
      transaction.put_page(kBlock, PageIndex{i * pages() / count}, page);
    }
    const pool::CommitReport report = transaction.commit("head", "some pages");
    head_ = report.id;
    return report;
  }
  void roll_back() { pool_.move_ref("head", pool_.resolve("head~1"), "rollback"); }
  void roll_forward() { pool_.move_ref("head", head_, "back again"); }
  void open() const {
    const pool::Pool reader = pool::Pool::open(path_, pool::Access::kRead);
    if (reader.generation(reader.resolve("head")).table(kBlock)->rows != experts_) throw ContractError("open: another number of experts");
  }

 private:
  std::string path_;
  std::int64_t experts_;
  pool::Pool pool_;
  GenerationId head_;
  std::int64_t number_ = 0;
};

// The limit of a commit: the same bytes, to one file, synced.
void write_raw(const std::string& path, const std::vector<float>& page, std::int64_t count) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw IoError("pool_bench: " + path + " cannot be made");
  const auto bytes = page.size() * sizeof(float);
  for (std::int64_t i = 0; i < count; ++i)
    if (::write(file, page.data(), bytes) != static_cast<ssize_t>(bytes)) throw IoError("pool_bench: " + path + " cannot be written");
  if (::fsync(file) != 0) throw IoError("pool_bench: " + path + " cannot be synced");
  ::close(file);
}

void checkpoint(Report& report, PoolBench& bench, const std::string& folder, std::int64_t experts) {
  const std::int64_t changed = (bench.pages() + 99) / 100;
  const std::vector<float> page = page_of(1);
  const double changed_bytes = static_cast<double>(changed * static_cast<std::int64_t>(page.size() * sizeof(float)));
  std::vector<std::vector<float>> pages;
  for (std::int64_t i = 0; i < changed; ++i) pages.push_back(page_of(1'000'000 + i));
  double written = 0;
  int raw_files = 0;  // none is removed before the end: memory that is used again is faster to write than new memory
  const auto seconds = take_turns(Clock::kWall, 9,
                                  {[&] { written = static_cast<double>(bench.change(pages).bytes_written); },
                                   [&] { write_raw(fmt::format("{}/raw-{}-{}", folder, experts, ++raw_files), page, changed); }});
  std::vector<double> percent;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) percent.push_back(100 * seconds[1][r] / seconds[0][r]);
  const std::string shape = fmt::format("E={} {} of {} pages", experts, changed, bench.pages());
  report.print({"commit.bytes", shape, "MiB", written / 0x1p20, changed_bytes / 0x1p20, written / changed_bytes, {1.1}, "x", true});
  report.print({"commit.time", shape, "ms", 1e3 * median(seconds[0]), 1e3 * median(seconds[1]), median(percent), {80}});
}

void constant_time(Report& report, PoolBench& bench, std::int64_t experts) {
  const auto seconds = take_turns(Clock::kWall, 15, {[&] { bench.open(); }, [&] { bench.roll_back(); }, [&] { bench.roll_forward(); }});
  const std::string shape = fmt::format("E={}", experts);
  for (const auto& [name, run] : {std::pair("pool.open", 0), {"pool.rollback", 1}}) {
    const double ms = 1e3 * median(seconds[static_cast<std::size_t>(run)]);
    report.print({name, shape, "ms", ms, 0, ms, {100}, "ms", true});
  }
}

}  // namespace

int main(int argc, char** argv) try {
  std::string folder = (argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path()) / "peer-pool-bench-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) throw IoError("pool_bench: " + folder + " cannot be made");
  try {
    Report report;
    for (const std::int64_t experts : {16'384, 1'048'576}) {
      PoolBench bench(folder + "/" + std::to_string(experts), experts);
      checkpoint(report, bench, folder, experts);
      constant_time(report, bench, experts);
    }
  } catch (...) {
    std::filesystem::remove_all(folder);
    throw;
  }
  std::filesystem::remove_all(folder);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
