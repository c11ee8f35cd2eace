// One writer, any number of readers.
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "peer/base/error.h"
#include "pool/directory_lock.h"
#include "pool/pool.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::pool;
using namespace peer::pool::test;

TEST_CASE("a second writer is told who the first is") {
  const ScratchDirectory scratch;
  const Pool writer = Pool::create(scratch / "pool");
  CHECK_THROWS_AS(Pool::open(scratch / "pool", Access::kWrite), LockedError);
  CHECK_THROWS_WITH(Pool::open(scratch / "pool", Access::kWrite), Catch::Contains("process " + std::to_string(::getpid()) + " ("));
  CHECK_NOTHROW(Pool::open(scratch / "pool", Access::kRead));
}

TEST_CASE("the lock goes with its pool") {
  const ScratchDirectory scratch;
  { const Pool writer = Pool::create(scratch / "pool"); }
  Pool first = Pool::open(scratch / "pool", Access::kWrite);
  const Pool moved = std::move(first);
  CHECK_THROWS_AS(Pool::open(scratch / "pool", Access::kWrite), LockedError);
}

TEST_CASE("a reader keeps the view that it opened with while the writer goes on") {
  const ScratchDirectory scratch;
  Pool writer = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(writer, {}, 1);
  const Pool reader = Pool::open(scratch / "pool", Access::kRead);
  const GenerationId second = commit_sample(writer, first, 2);
  CHECK(reader.resolve("head") == first);
  CHECK(reader.verify().damage.empty());
  CHECK(Pool::open(scratch / "pool", Access::kRead).resolve("head") == second);
}

TEST_CASE("a reader leaves nothing in the pool") {
  const ScratchDirectory scratch;
  {
    Pool writer = Pool::create(scratch / "pool");
    commit_sample(writer, {}, 1);
  }
  const std::vector<std::string> before = names_in(scratch / "pool/catalogue");
  { const Pool reader = Pool::open(scratch / "pool", Access::kRead); }
  CHECK(names_in(scratch / "pool/catalogue") == before);
}

TEST_CASE("a directory lock is shared by readers and kept from the one who removes files") {
  const ScratchDirectory scratch;
  {
    const DirectoryLock first = DirectoryLock::shared(scratch / ""), second = DirectoryLock::shared(scratch / "");
    CHECK_FALSE(DirectoryLock::try_exclusive(scratch / ""));
  }
  const std::optional<DirectoryLock> alone = DirectoryLock::try_exclusive(scratch / "");
  REQUIRE(alone);
  CHECK_FALSE(DirectoryLock::try_exclusive(scratch / ""));
}

TEST_CASE("the catalogue gives back the disk space of what it wrote over") {
  const ScratchDirectory scratch;
  Pool writer = Pool::create(scratch / "pool");
  const std::string bulk(200'000, 'x');
  const auto catalogue_bytes = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(scratch / "pool/catalogue")) bytes += file.file_size();
    return bytes;
  };
  for (int i = 0; i < 100; ++i) writer.put_records({{"bulk", bulk}});  // 20 MB in all
  CHECK(catalogue_bytes() < 8'000'000);
}

TEST_CASE("readers that open beside a busy writer always see a whole pool, and never an older one than before") {
  const ScratchDirectory scratch;
  Pool writer = Pool::create(scratch / "pool");
  GenerationId head = commit_sample(writer, {}, 0);
  std::atomic<bool> done{false};
  std::atomic<std::int64_t> acknowledged{head.value};
  std::atomic<int> opened{0};
  std::vector<std::string> wrong;
  std::thread reader([&] {
    while (!done) {
      const std::int64_t at_least = acknowledged;
      try {
        const Pool pool = Pool::open(scratch / "pool", Access::kRead);
        const GenerationId seen = pool.resolve("head");
        if (seen.value < at_least) wrong.push_back("an older head");
        if (static_cast<std::int64_t>(pool.generations().size()) != seen.value + 1) wrong.push_back("a hole in history");
        for (const Damage& damage : pool.verify().damage) wrong.push_back(damage.file + ": " + damage.problem);
      } catch (const Error& error) {
        wrong.push_back(error.what());
      }
      ++opened;
    }
  });
  // Records large enough that RocksDB often moves its log into a new file, which is when a reader could see a hole.
  const std::string bulk(200'000, 'x');
  for (int i = 1; i <= 60 || opened < 20; ++i) {
    writer.put_records({{"bulk/" + std::to_string(i % 5), bulk}});
    head = commit_sample(writer, head, i % 4);
    acknowledged = head.value;
  }
  done = true;
  reader.join();
  CHECK(wrong == std::vector<std::string>{});
  CHECK(opened >= 20);
}

TEST_CASE("pages are read from many threads") {
  const ScratchDirectory scratch;
  Pool writer = Pool::create(scratch / "pool");
  const Generation head = writer.generation(commit_sample(writer, {}, 1));
  const Pool pool = Pool::open(scratch / "pool", Access::kRead);
  std::vector<std::thread> threads;
  std::atomic<int> read{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 30; ++i) {
        if (pool.page(head, {0}, {i % 3}).rows == (i % 3 == 2 ? 2 : 4)) ++read;
        if (pool.trunk(head.trunks[0]).size() == 2) ++read;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(read == 4 * 30 * 2);
}
