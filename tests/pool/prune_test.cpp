// What prune removes, what it must keep, and that a pool is sound after it.
#include <algorithm>

#include "peer/base/error.h"
#include "pool/catalogue.h"
#include "pool/catalogue_keys.h"
#include "pool/pool.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::pool;
using namespace peer::pool::test;

namespace {

bool everything(const Generation&) { return true; }

std::vector<std::string> files_of(const std::string& pool) {
  std::vector<std::string> files = names_in(pool + "/shards");
  const std::vector<std::string> trunks = names_in(pool + "/trunk");
  files.insert(files.end(), trunks.begin(), trunks.end());
  return files;
}

// g0, g1 on it, and beside g1 two that no ref names: g2 with text of its own, g3 that shares every file with g1. Head is g1.
std::string pool_with_leftovers(const ScratchDirectory& scratch) {
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId base = commit_sample(pool, {}, 1), head = commit_sample(pool, base, 2);
  commit_sample(pool, base, 3);
  Transaction same = pool.begin(head);
  same.commit("head", "the same again");
  pool.move_ref("head", head, "back");
  return pool.path();
}

}  // namespace

TEST_CASE("prune removes superseded generations and their files alone, and says the same beforehand") {
  const ScratchDirectory scratch;
  const std::string path = pool_with_leftovers(scratch);
  const std::vector<std::string> before = files_of(path);
  const auto beside_head = [](const Generation& generation) { return generation.id.value >= 2; };
  const PruneReport would = Pool::open(path, Access::kRead).prune(beside_head, Removal::kNo);
  CHECK(files_of(path) == before);
  Pool pool = Pool::open(path, Access::kWrite);
  const PruneReport did = pool.prune(beside_head, Removal::kYes);
  CHECK(did.generations == 2);
  CHECK(did.files == 3 + 1 + 1);  // of g2: three pages, a state, a trunk
  CHECK(did.bytes > 0);
  CHECK(would.generations == did.generations);
  CHECK(would.files == did.files);
  CHECK(would.bytes == did.bytes);
  CHECK(static_cast<std::int64_t>(files_of(path).size()) == static_cast<std::int64_t>(before.size()) - did.files);
  CHECK(pool.generations() == std::vector<GenerationId>{{0}, {1}});
  CHECK(pool.verify().damage.empty());
  CHECK(pool.resolve("head") == GenerationId{1});
  CHECK_THROWS_AS(pool.generation({2}), CorruptError);
  CHECK(pool.prune(beside_head, Removal::kYes).files == 0);
}

TEST_CASE("prune keeps what a ref names and what that grew on, whatever is said of it") {
  const ScratchDirectory scratch;
  const std::string path = pool_with_leftovers(scratch);
  Pool pool = Pool::open(path, Access::kWrite);
  pool.move_ref("resume", {2}, "waits");
  const PruneReport report = pool.prune(everything, Removal::kYes);
  CHECK(report.generations == 1);
  CHECK(report.files == 0);  // g3 shares all of them
  CHECK(pool.generations() == std::vector<GenerationId>{{0}, {1}, {2}});
  CHECK(pool.verify().damage.empty());
}

TEST_CASE("content that was pruned can be put again, and numbers are not given twice") {
  const ScratchDirectory scratch;
  const std::string path = pool_with_leftovers(scratch);
  Pool pool = Pool::open(path, Access::kWrite);
  const MappedPage held = pool.page(pool.generation({2}), {0}, {0});  // a map outlives its file
  const float first = *reinterpret_cast<const float*>(held.data);
  pool.prune([](const Generation& generation) { return generation.id.value >= 2; }, Removal::kYes);
  CHECK(*reinterpret_cast<const float*>(held.data) == first);
  CHECK(commit_sample(pool, {0}, 3) == GenerationId{4});
  CHECK(pool.verify().damage.empty());
  CHECK(Pool::open(path, Access::kRead).verify().damage.empty());
}

TEST_CASE("prune removes what a crash left, and no file that is not its own") {
  const ScratchDirectory scratch;
  const std::string path = pool_with_leftovers(scratch);
  overwrite(path + "/shards/" + std::string(32, '0') + ".h5", "nothing leads here");
  overwrite(path + "/shards/notes.txt", "somebody's");
  Pool pool = Pool::open(path, Access::kWrite);
  const PruneReport report = pool.prune([](const Generation&) { return false; }, Removal::kYes);
  CHECK(report.generations == 0);
  CHECK(report.files == 1);
  CHECK(file_bytes(path + "/shards/notes.txt") == "somebody's");
  CHECK(pool.generations().size() == 4);
  CHECK(pool.verify().damage.empty());
}

TEST_CASE("prune removes nothing of a pool that is open for reading, and stops at damage before it removes anything") {
  const ScratchDirectory scratch;
  const std::string path = pool_with_leftovers(scratch);
  CHECK_THROWS_AS(Pool::open(path, Access::kRead).prune(everything, Removal::kYes), ContractError);
  CHECK(Pool::open(path, Access::kRead).generations().size() == 4);
  const std::vector<std::string> before = files_of(path);
  {
    Catalogue catalogue = Catalogue::open_for_writing(path + "/catalogue");
    CatalogueBatch batch;
    batch.put(Family::kHistory, generation_key({1}), "not a generation");
    catalogue.write(std::move(batch), catalogue.counters());
  }
  CHECK_THROWS_AS(Pool::open(path, Access::kWrite).prune(everything, Removal::kYes), CorruptError);
  CHECK(files_of(path) == before);
}

TEST_CASE(
    "prune of everything without a name leaves what any ref is or descends from, to the last byte, and a reader of the rest is told") {
  const ScratchDirectory scratch;
  const std::string path = pool_with_leftovers(scratch);
  Pool pool = Pool::open(path, Access::kWrite);
  const GenerationId branch = commit_sample(pool, {2}, 5), tip = commit_sample(pool, branch, 6);  // moves head
  pool.move_ref("tag", branch, "named in the middle of a branch");
  pool.move_ref("head", {1}, "rollback");
  const Pool reader = Pool::open(path, Access::kRead);
  const Generation gone = reader.generation(tip), kept = reader.generation(branch);
  const PruneReport report = pool.prune(everything, Removal::kYes);
  REQUIRE(report.removed.size() == 2);
  CHECK(report.removed[0].id == GenerationId{3});
  CHECK(report.removed[1].id == tip);
  CHECK(pool.generations() == std::vector<GenerationId>{{0}, {1}, {2}, branch});  // g2: the tag grew on it
  CHECK(pool.verify().damage.empty());
  for (std::int64_t page = 0; page < 3; ++page) {
    CHECK_NOTHROW(reader.page(kept, {0}, {page}));
    CHECK_THROWS_WITH(reader.page(gone, {0}, {page}), Catch::Contains("missing; if the pool was pruned meanwhile, open it again"));
  }
  CHECK_THROWS_WITH(pool.resolve("g" + std::to_string(tip.value)), Catch::Contains("pruned"));
  CHECK_THROWS_WITH(pool.resolve("g99"), Catch::Contains("no generation is called 'g99'"));
}
