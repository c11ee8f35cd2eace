// What becomes of a pool whose files were changed behind its back.
#include <rocksdb/db.h>
#include <algorithm>

#include <filesystem>
#include <set>

#include "peer/base/error.h"
#include "peer/base/philox.h"
#include "pool/advice.h"
#include "pool/catalogue.h"
#include "pool/file_names.h"
#include "pool/head2.h"
#include "pool/pool.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::pool;
using namespace peer::pool::test;

namespace {

// A pool with a generation that has pages, states and a trunk; closed.
std::string sample_pool(const ScratchDirectory& scratch) {
  Pool pool = Pool::create(scratch / "pool");
  commit_sample(pool, commit_sample(pool, {}, 1), 2);
  return pool.path();
}

std::set<std::string> damaged_files(const Pool& pool) {
  std::set<std::string> files;
  for (const Damage& damage : pool.verify().damage) files.insert(damage.file);
  return files;
}

std::vector<std::string> sealed_files(const std::string& pool) {
  std::vector<std::string> files;
  for (const std::string directory : {"shards", "trunk"})
    for (const std::string& name : names_in(pool + "/" + directory)) files.push_back(directory + "/" + name);
  return files;
}

// Writes through the pool's own catalogue, as a damaged program would.
void change_catalogue(const std::string& pool, const std::string& key, const std::string& body) {
  Catalogue catalogue = Catalogue::open_for_writing(pool + "/catalogue");
  CatalogueBatch batch;
  batch.put(Family::kHistory, key, body);
  catalogue.write(std::move(batch), catalogue.counters());
}

}  // namespace

TEST_CASE("every flipped bit of a sealed file is found by verify, which names the file") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  const Pool pool = Pool::open(path, Access::kRead);
  REQUIRE(pool.verify().damage.empty());
  const std::vector<std::string> files = sealed_files(path);
  REQUIRE(files.size() == 2 * (3 + 1 + 1));
  const Random random(1, Purpose::kTest);
  constexpr std::uint64_t kFlipsAFile = 60;
  std::uint64_t missed = 0;
  for (std::uint64_t i = 0; i < files.size() * kFlipsAFile; ++i) {
    const std::string& file = files[i / kFlipsAFile];
    const auto bits = static_cast<std::uint64_t>(std::filesystem::file_size(path + "/" + file)) * 8;
    const auto bit = static_cast<std::int64_t>(random.below(i, bits));
    flip_bit(path + "/" + file, bit);
    if (damaged_files(pool) != std::set<std::string>{file}) ++missed;
    flip_bit(path + "/" + file, bit);
  }
  CHECK(missed == 0);
  CHECK(pool.verify().damage.empty());
}

TEST_CASE("a damaged, short or missing sealed file is refused when it is read, with its name") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  const Generation head = Pool::open(path, Access::kRead).generation({1});
  for (const std::string& file : sealed_files(path)) {
    INFO(file);
    const std::string bytes = file_bytes(path + "/" + file);
    const std::string cut = bytes.substr(0, bytes.size() / 2), longer = bytes + '\0';
    for (const std::string& wrong : {cut, longer, std::string()}) {
      overwrite(path + "/" + file, wrong);
      CHECK(damaged_files(Pool::open(path, Access::kRead)) == std::set<std::string>{file});
    }
    std::filesystem::remove(path + "/" + file);
    CHECK(damaged_files(Pool::open(path, Access::kRead)) == std::set<std::string>{file});
    overwrite(path + "/" + file, bytes);
  }
  for (const std::string& file : sealed_files(path)) flip_bit(path + "/" + file, 8 * 4100);
  const Pool pool = Pool::open(path, Access::kRead);
  CHECK_THROWS_AS(pool.page(head, {0}, {0}), CorruptError);
  CHECK_THROWS_AS(pool.page_state(head, {0}, {0}), CorruptError);
  CHECK_THROWS_AS(pool.trunk(head.trunks[0]), CorruptError);
  const std::string name = sealed_path({SealedKind::kPage, pool.page_version(head, {0}, {0}).content});
  CHECK_THROWS_WITH(pool.page(head, {0}, {0}), Catch::Contains(name));
}

TEST_CASE("putting the content of a damaged page again heals the file") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  Pool pool = Pool::open(path, Access::kWrite);
  const std::string file = sealed_path({SealedKind::kPage, pool.page_version(pool.generation({1}), {0}, {1}).content});
  flip_bit(path + "/" + file, 8 * 4100);
  REQUIRE(damaged_files(pool) == std::set<std::string>{file});
  Transaction transaction = pool.begin({1});
  transaction.put_page({0}, {1}, page_rows(1002));
  CHECK(transaction.commit("head", "healed").files_written == 1);
  CHECK(pool.verify().damage.empty());
}

TEST_CASE("a pool that lost a part is corrupt, and the part is named") {
  for (const std::string part : {"HEAD2", "catalogue", "shards", "trunk"}) {
    const ScratchDirectory scratch;
    const std::string path = sample_pool(scratch);
    std::filesystem::remove_all(path + "/" + part);
    for (const Access access : {Access::kRead, Access::kWrite}) {
      CHECK_THROWS_AS(Pool::open(path, access), CorruptError);
      CHECK_THROWS_WITH(Pool::open(path, access), Catch::Contains("/" + part + ": missing"));
    }
  }
}

TEST_CASE("stray and temporary files are not damage, and the next writer removes the temporary ones") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  overwrite(path + "/shards/tmp-1-0", "half a page");
  overwrite(path + "/trunk/tmp-1-1", "");
  overwrite(path + "/shards/" + std::string(32, '0') + ".h5", "nothing leads here");
  CHECK(Pool::open(path, Access::kRead).verify().damage.empty());
  CHECK(std::filesystem::exists(path + "/shards/tmp-1-0"));
  CHECK(Pool::open(path, Access::kWrite).verify().damage.empty());
  CHECK_FALSE(std::filesystem::exists(path + "/shards/tmp-1-0"));
  CHECK_FALSE(std::filesystem::exists(path + "/trunk/tmp-1-1"));
}

TEST_CASE("a FORMAT that is damaged or from a newer program is refused") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch), text = file_bytes(path + "/FORMAT");
  for (std::size_t byte = 0; byte < text.size(); ++byte) {
    overwrite(path + "/FORMAT", text);
    flip_bit(path + "/FORMAT", static_cast<std::int64_t>(byte) * 8 + 6);
    CHECK_THROWS_AS(Pool::open(path, Access::kRead), CorruptError);
  }
  for (const std::string& wrong : {std::string(), text.substr(0, text.size() - 1), text + "x", std::string(10000, 'p')}) {
    overwrite(path + "/FORMAT", wrong);
    CHECK_THROWS_AS(Pool::open(path, Access::kWrite), CorruptError);
  }
  std::string newer = text;
  newer.replace(newer.find("version 1"), 9, "version 2");
  overwrite(path + "/FORMAT", newer);
  CHECK_THROWS_AS(Pool::open(path, Access::kRead), IoError);
  CHECK_THROWS_WITH(Pool::open(path, Access::kRead), Catch::Contains("has format 2, this program reads 1"));
}

TEST_CASE("one damaged slot of HEAD2, the newest or the other, is noted and healed by the next commit, two are refused") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch), bytes = file_bytes(path + "/HEAD2");
  const std::int64_t newest = Pool::open(path, Access::kRead).reflog().front().sequence, newest_slot = newest % 2;
  for (std::int64_t bit = 0; bit < 32 * 8; bit += 5) {
    for (const std::int64_t slot : {newest_slot, 1 - newest_slot}) {
      overwrite(path + "/HEAD2", bytes);
      flip_bit(path + "/HEAD2", slot * kHeadSlotBytes * 8 + bit);
      const VerifyReport report = Pool::open(path, Access::kRead).verify();
      REQUIRE(report.damage.empty());
      REQUIRE(report.notes.size() == 1);
      REQUIRE(report.notes[0].file == "HEAD2");
      REQUIRE_THAT(report.notes[0].problem, Catch::Contains("slot " + std::to_string(slot) + " is damaged"));
    }
    flip_bit(path + "/HEAD2", newest_slot * kHeadSlotBytes * 8 + bit);
    REQUIRE_THROWS_AS(Pool::open(path, Access::kRead), CorruptError);
  }
  overwrite(path + "/HEAD2", bytes);
  flip_bit(path + "/HEAD2", (1 - newest_slot) * kHeadSlotBytes * 8);
  Pool pool = Pool::open(path, Access::kWrite);
  CHECK(pool.verify().notes.size() == 1);
  commit_sample(pool, {1}, 3);
  CHECK(pool.verify().damage.empty());
  CHECK(pool.verify().notes.empty());
  overwrite(path + "/HEAD2", "");
  CHECK(damaged_files(pool) == std::set<std::string>{"HEAD2"});
}

TEST_CASE("a slot of HEAD2 that was torn while it was written is not damage") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  const std::int64_t newest = Pool::open(path, Access::kRead).reflog().front().sequence;
  flip_bit(path + "/HEAD2", newest % 2 * kHeadSlotBytes * 8 + 100);
  CHECK(Pool::open(path, Access::kRead).verify().damage.empty());
  CHECK(Pool::open(path, Access::kWrite).verify().damage.empty());
  CHECK(read_head_slots(path + "/HEAD2").newest()->sequence == newest);
}

TEST_CASE("a pool that opens at an older state because a slot of HEAD2 and the catalogue's end are both gone is not called sound") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch), older = scratch / "older";
  std::filesystem::copy(path + "/catalogue", older, std::filesystem::copy_options::recursive);
  {
    Pool pool = Pool::open(path, Access::kWrite);
    commit_sample(pool, {1}, 3);
  }
  const std::int64_t newest = Pool::open(path, Access::kRead).reflog().front().sequence, slot = newest % 2 * kHeadSlotBytes;
  std::filesystem::remove_all(path + "/catalogue");
  std::filesystem::rename(older, path + "/catalogue");
  const std::string lost = file_bytes(path + "/HEAD2");
  const auto damaged_slot = [&](std::string_view bytes) {
    std::string head = lost;
    overwrite(path + "/HEAD2", head.replace(static_cast<std::size_t>(slot), bytes.size(), bytes));
  };
  std::string flipped = lost.substr(static_cast<std::size_t>(slot), 32);
  flipped[9] ^= 1;
  for (const std::string& bytes : {flipped, std::string(32, '\0'), flipped.substr(0, 16) + std::string(16, 'x')}) {
    damaged_slot(bytes);
    const Pool pool = Pool::open(path, Access::kRead);
    REQUIRE(pool.resolve("head") == GenerationId{1});
    const VerifyReport report = pool.verify();
    CHECK(report.notes.empty());
    REQUIRE(report.damage.size() == 1);
    CHECK(report.damage[0].file == "HEAD2");
    CHECK_THAT(report.damage[0].problem, Catch::Contains("batch " + std::to_string(newest)));
  }
}

TEST_CASE("a catalogue that ends before HEAD2 has lost acknowledged work, and is refused") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch), older = scratch / "older";
  std::filesystem::copy(path + "/catalogue", older, std::filesystem::copy_options::recursive);
  {
    Pool pool = Pool::open(path, Access::kWrite);
    commit_sample(pool, {1}, 3);
  }
  std::filesystem::remove_all(path + "/catalogue");
  std::filesystem::rename(older, path + "/catalogue");
  CHECK_THROWS_AS(Pool::open(path, Access::kWrite), CorruptError);
  CHECK_THROWS_WITH(Pool::open(path, Access::kRead), Catch::Contains("acknowledged work was lost"));
}

TEST_CASE("values of the catalogue that no program wrote are corrupt, not believed") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  const Generation head = Pool::open(path, Access::kRead).generation({1});
  const Digest root = head.tables[0].map_root;

  change_catalogue(path, map_key(root), "not a map");
  CHECK_THROWS_AS(Pool::open(path, Access::kRead).page(head, {0}, {0}), CorruptError);
  CHECK(damaged_files(Pool::open(path, Access::kRead)) == std::set<std::string>{"catalogue"});

  change_catalogue(path, generation_key({1}), "not a generation");
  CHECK_THROWS_AS(Pool::open(path, Access::kRead).generation({1}), CorruptError);
  CHECK(damaged_files(Pool::open(path, Access::kRead)) == std::set<std::string>{"catalogue"});

  change_catalogue(path, ref_key("head"), encode(GenerationId{7}));
  CHECK(damaged_files(Pool::open(path, Access::kRead)) == std::set<std::string>{"catalogue"});
  CHECK_THROWS_AS(Pool::open(path, Access::kRead).generation(*Pool::open(path, Access::kRead).ref("head")), CorruptError);
  CHECK_THROWS_WITH(Pool::open(path, Access::kRead).generation({7}), Catch::Contains("g7: missing"));
}

TEST_CASE("a value that differs from its checksum is named, and hides no damage elsewhere") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  {
    rocksdb::Options options;
    std::vector<std::string> names;
    REQUIRE(rocksdb::DB::ListColumnFamilies(options, path + "/catalogue", &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, options);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    REQUIRE(rocksdb::DB::Open(options, path + "/catalogue", families, &handles, &db).ok());
    const std::string key = generation_key({0});
    std::string value;
    REQUIRE(db->Get(rocksdb::ReadOptions(), handles[0], key, &value).ok());
    value.back() ^= 1;
    REQUIRE(db->Put(rocksdb::WriteOptions(), handles[0], key, value).ok());
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
  }
  const Pool pool = Pool::open(path, Access::kRead);
  CHECK(damaged_files(pool) == std::set<std::string>{"catalogue"});
  const std::string file = sealed_path({SealedKind::kPage, pool.page_version(pool.generation({1}), {0}, {1}).content});
  flip_bit(path + "/" + file, 8 * 4100);
  CHECK(damaged_files(pool) == std::set<std::string>{"catalogue", file});
}

TEST_CASE("a flipped bit of the catalogue's files is refused, reported, or changes nothing") {
  const ScratchDirectory scratch;
  const std::string path = sample_pool(scratch);
  std::vector<Digest> contents;
  for (const GenerationId id : {GenerationId{0}, GenerationId{1}})
    contents.push_back(Pool::open(path, Access::kRead).generation(id).content);
  const Random random(2, Purpose::kTest);
  std::uint64_t draw = 0;
  int refused = 0, reported = 0, harmless = 0, silent = 0;
  for (const std::string& name : names_in(path + "/catalogue")) {
    const std::string file = path + "/catalogue/" + name, bytes = file_bytes(file);
    if (bytes.empty() || name.starts_with("OPTIONS")) continue;  // the options are ours, RocksDB only keeps them for people
    for (int flip = 0; flip < 40; ++flip) {
      const auto bit = static_cast<std::int64_t>(random.below(draw++, bytes.size() * 8));
      flip_bit(file, bit);
      try {
        const Pool pool = Pool::open(path, Access::kRead);
        if (!pool.verify().damage.empty())
          ++reported;
        else if (pool.resolve("head") == GenerationId{1} && pool.generation({0}).content == contents[0] &&
                 pool.generation({1}).content == contents[1] && pool.record("sample/2") == "record 2")
          ++harmless;
        else
          ++silent;
      } catch (const Error&) {
        ++refused;
      }
      overwrite(file, bytes);
    }
  }
  CHECK(silent == 0);
  CHECK(refused + reported > 40);
  CHECK(Pool::open(path, Access::kRead).verify().damage.empty());
}

TEST_CASE("an error of the system is told with what to try, also in the words of the catalogue's library") {
  CHECK(advice_in("cannot write to the catalogue: IO error: No space left on device: While appending to file: 000004.log") ==
        "; free some space and run the command again");
  CHECK(advice_in("IO error: While open a file for random read: 000012.sst: Permission denied") ==
        "; check who owns it and how its file system is mounted");
  CHECK(advice_in("Corruption: block checksum mismatch") == "");
}
