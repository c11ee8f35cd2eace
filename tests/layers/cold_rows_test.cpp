#include "peer/layers/cold_rows.h"

#include <chrono>
#include <thread>

#include "peer/layers/expert_table.h"
#include "tests/support/catch.h"
#include "tests/support/evictable_file.h"
#include "tests/support/random_tensor.h"
#include "tests/support/temporary_folder.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kWidth = 256, kRowsPerPage = 256, kExperts = 8192;  // two records in each of the system's pages

bool comes_into_memory(const EvictableFile& file, std::int64_t page) {
  for (int tries = 0; tries < 1000; ++tries) {
    if (file.in_memory()[static_cast<std::size_t>(page)] != 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

// An emulator may take a program's advice and do nothing.
bool advice_is_heeded(EvictableFile& file) {
  constexpr std::int64_t page = 3000, bytes = EvictableFile::kPage;
  madvise(const_cast<std::byte*>(file.data()) + page * bytes, bytes, MADV_WILLNEED);
  const bool heeded = comes_into_memory(file, page);
  file.evict();
  return heeded;
}

}  // namespace

TEST_CASE("the picked rows that are not in memory are asked for, once; those that are there and those not picked are left alone") {
  const TemporaryFolder folder;
  write_file(folder / "rows", std::string(kExperts * 2 * kWidth * sizeof(float), '\1'));
  EvictableFile file(folder / "rows");
  file.evict();
  if (const auto there = file.in_memory(); std::count(there.begin(), there.end(), 1) > 0) {
    WARN("skipped: this file system keeps its files in memory");
    return;
  }
  if (!advice_is_heeded(file)) {
    WARN("skipped: nothing is read when it is asked for");
    return;
  }
  layers::ExpertTable table(kWidth, kRowsPerPage);
  for (std::int64_t first = 0; first < kExperts; first += kRowsPerPage)
    table.append_mapped(file.data() + first * 8 * kWidth, kRowsPerPage, nullptr);

  Buffer<std::int64_t> id(8);
  const std::int64_t picks[] = {4001, 10, 11, 12, 13, 8191, 4000, 10};  // pages 2000; 5, 6; 4095
  std::copy_n(picks, 8, id.data());
  layers::ColdRows cold;
  CHECK(cold.ask_for(table.rows(), id.view(8)) == 3);
  for (const std::int64_t page : {5, 6, 2000, 4095}) CHECK(comes_into_memory(file, page));
  const auto there = file.in_memory();
  CHECK(std::count(there.begin(), there.end(), 1) <= 64);  // of 4,096; a file system may read a little around each

  CHECK(cold.ask_for(table.rows(), id.view(8)) == 0);                             // all there: from now on nothing is looked at
  const std::int64_t others[] = {100, 1100, 2100, 3100, 4100, 5100, 6100, 7100};  // further apart than a page fault reads
  std::copy_n(others, 8, id.data());
  CHECK(cold.ask_for(table.rows(), id.view(8)) == 0);
  volatile float read = reinterpret_cast<const float*>(table.rows().record(100))[0];  // waits for the disk, and that is noticed
  CHECK(read != 0);
  CHECK(cold.ask_for(table.rows(), id.view(8)) > 0);
}

TEST_CASE("rows of memory are never asked for") {
  layers::ExpertTable table(4, 8);
  table.append(100, true);
  Buffer<std::int64_t> id = random_below<std::int64_t>(50, 1, 100);
  layers::ColdRows cold;
  CHECK(cold.ask_for(table.rows(), id.view(50)) == 0);
}
