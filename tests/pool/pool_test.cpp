#include "pool/pool.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include "peer/base/error.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::pool;
using namespace peer::pool::test;

namespace {

std::vector<float> read_rows(const Pool& pool, const Generation& generation, std::int64_t page) {
  const MappedPage mapped = pool.page(generation, {0}, {page});
  std::vector<float> rows(static_cast<std::size_t>(mapped.rows * 2 * generation.table({0})->layout.width));
  std::memcpy(rows.data(), mapped.data, rows.size() * sizeof(float));
  return rows;
}

}  // namespace

TEST_CASE("a pool is made where nothing is or where a directory is empty, and what else stands there is left alone") {
  const ScratchDirectory scratch;
  std::filesystem::create_directory(scratch / "empty");
  CHECK(Pool::create(scratch / "empty").empty());
  CHECK_THROWS_WITH(Pool::create(scratch / "empty"), Catch::Contains("exists here already"));
  CHECK(Pool::open(scratch / "empty", Access::kRead).empty());
  std::ofstream(scratch / "file").flush();
  CHECK_THROWS_AS(Pool::create(scratch / "file"), IoError);
  CHECK(std::filesystem::is_regular_file(scratch / "file"));
}

TEST_CASE("a new pool is empty, and its files are where the format says") {
  const ScratchDirectory scratch;
  const Pool pool = Pool::create(scratch / "pool");
  CHECK(pool.empty());
  CHECK(pool.verify().damage.empty());
  CHECK(names_in(pool.path()) == std::vector<std::string>{"FORMAT", "HEAD2", "LOCK", "catalogue", "shards", "trunk"});
  CHECK(names_in(scratch / "").size() == 1);  // the directory in which it was made took its name
  CHECK_FALSE(pool.ref("head"));
  CHECK_THROWS_AS(pool.resolve("head"), UsageError);
}

TEST_CASE("what was committed is read back, by this pool and by one that is opened later") {
  const ScratchDirectory scratch;
  const auto check = [](const Pool& pool) {
    CHECK(pool.resolve("head") == GenerationId{0});
    const Generation head = pool.generation({0});
    CHECK_FALSE(head.parent.valid());
    CHECK(head.message == "sample 7");
    CHECK(head.state == "state 7");
    CHECK(head.fingerprint == "fingerprint");
    REQUIRE(head.table({0}) != nullptr);
    CHECK(head.table({0})->rows == 10);
    CHECK(head.table({0})->layout == kLayout);
    CHECK(head.table({1}) == nullptr);
    CHECK(read_rows(pool, head, 0) == page_rows(7));
    CHECK(read_rows(pool, head, 1) == page_rows(1007));
    CHECK(read_rows(pool, head, 2) == page_rows(2007, 2));
    CHECK(pool.page_state(head, {0}, {0}) == page_state_values(7));
    CHECK(pool.page_state(head, {0}, {1}).empty());
    REQUIRE(head.trunk("base") != nullptr);
    const auto tensors = pool.trunk(*head.trunk("base"));
    REQUIRE(tensors.size() == 2);
    CHECK(tensors.at("weights").shape == std::vector<std::int64_t>{2, 3});
    CHECK(tensors.at("weights").values[5] == 7.0f + 5.0f / 64.0f);
    CHECK(tensors.at("bias").values == std::vector<float>{8.0f, 8.0f + 1.0f / 64.0f, 8.0f + 2.0f / 64.0f});
    CHECK(pool.record("sample/7") == "record 7");
    CHECK_FALSE(pool.record("sample/8"));
    CHECK(pool.verify().damage.empty());
  };
  {
    Pool pool = Pool::create(scratch / "pool");
    commit_sample(pool, {}, 7);
    check(pool);
  }
  check(Pool::open(scratch / "pool", Access::kRead));
  check(Pool::open(scratch / "pool/", Access::kWrite));
}

TEST_CASE("a generation shares every page that did not change") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1);
  const auto files = names_in(pool.path() + "/shards");
  Transaction transaction = pool.begin(first);
  transaction.put_page({0}, {1}, page_rows(5));
  const CommitReport report = transaction.commit("head", "one page");
  CHECK(report.files_written == 1);
  CHECK(report.bytes_written == 4096 + 4 * kLayout.row_bytes());
  CHECK(names_in(pool.path() + "/shards").size() == files.size() + 1);
  const Generation before = pool.generation(first), after = pool.generation(report.id);
  CHECK(pool.page_version(after, {0}, {0}) == pool.page_version(before, {0}, {0}));
  CHECK(pool.page(after, {0}, {0}).data == pool.page(after, {0}, {0}).data);
  CHECK(read_rows(pool, after, 1) == page_rows(5));
  CHECK(read_rows(pool, before, 1) == page_rows(1001));
}

TEST_CASE("a page put again with the same content costs no write") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1);
  Transaction transaction = pool.begin(first);
  transaction.put_page({0}, {0}, page_rows(1), page_state_values(1));
  transaction.put_page({0}, {1}, page_rows(1001));
  const CommitReport report = transaction.commit("head", "nothing new");
  CHECK(report.files_written == 0);
  CHECK(report.bytes_written == 0);
  CHECK(report.pages_shared == 2);
  CHECK(pool.generation(report.id).content == pool.generation(first).content);
}

TEST_CASE("the same work gives the same content digest in another pool, whatever the history, message and time") {
  const ScratchDirectory scratch;
  Pool one = Pool::create(scratch / "one"), two = Pool::create(scratch / "two");
  const GenerationId a = commit_sample(one, {}, 3);
  const GenerationId b = commit_sample(two, commit_sample(two, {}, 9), 3);
  CHECK(a != b);
  CHECK(one.generation(a).content == two.generation(b).content);
  CHECK(one.generation(a).content != two.generation({0}).content);
  CHECK(two.resolve(to_hex(one.generation(a).content).substr(0, 8)) == b);
}

TEST_CASE("rollback moves head, can be undone, and never gives a number twice") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1), second = commit_sample(pool, first, 2);
  pool.move_ref("head", first, "rollback");
  CHECK(pool.resolve("head") == first);
  CHECK(pool.resolve("g1") == second);
  pool.move_ref("head", second, "undo");
  CHECK(pool.resolve("head") == second);
  pool.move_ref("head", first, "rollback");
  const GenerationId third = commit_sample(pool, first, 3);
  CHECK(third == GenerationId{2});
  CHECK(pool.generation(third).parent == first);
  CHECK(pool.generations() == std::vector<GenerationId>{{0}, {1}, {2}});
  const std::vector<RefLogEntry> log = pool.reflog();
  REQUIRE(log.size() == 6);
  CHECK(log[0].to == third);
  CHECK(log[1].reason == "rollback");
  CHECK(log[1].from == second);
  CHECK(log[1].to == first);
  CHECK_FALSE(log[5].from.valid());
}

TEST_CASE("a reference is a ref, a number, a parent or the beginning of a digest") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  GenerationId id;
  for (int seed = 0; seed < 4; ++seed) id = commit_sample(pool, id, seed);
  pool.move_ref("release-1.0", {1}, "tag");
  CHECK(pool.resolve("head") == GenerationId{3});
  CHECK(pool.resolve("head~2") == GenerationId{1});
  CHECK(pool.resolve("release-1.0~1") == GenerationId{0});
  CHECK(pool.resolve("g2") == GenerationId{2});
  CHECK(pool.resolve("2") == GenerationId{2});
  CHECK(pool.resolve(to_hex(pool.generation({2}).content)) == GenerationId{2});
  CHECK_THROWS_WITH(pool.resolve("release-1.1"), Catch::Contains("did you mean 'release-1.0'"));
  for (const char* wrong : {"", "g4", "4", "head~", "head~x", "head~9", "head~-1", "~1", "0123abcd", "HEAD2"}) {
    INFO(wrong);
    CHECK_THROWS_AS(pool.resolve(wrong), UsageError);
  }
  CHECK(pool.refs() == std::vector<std::pair<std::string, GenerationId>>{{"head", {3}}, {"release-1.0", {1}}});
  pool.delete_ref("release-1.0", "untag");
  CHECK_FALSE(pool.ref("release-1.0"));
  CHECK_FALSE(pool.reflog().front().to.valid());
  CHECK_THROWS_AS(pool.delete_ref("release-1.0", "untag"), UsageError);
  for (const char* wrong : {"", "g2", "17", "two words", "a~1", "-x", "0123456789abcdef", "caf\xc3\xa9"}) {
    INFO(wrong);
    CHECK_THROWS_AS(pool.move_ref(wrong, {1}, "tag"), UsageError);
  }
  CHECK_THROWS_AS(pool.move_ref("late", {4}, "tag"), UsageError);
}

TEST_CASE("a commit can delete a ref in the same batch") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1);
  pool.move_ref("unfinished", first, "interrupted");
  const GenerationId second = pool.begin(first).commit("head", "done", "unfinished").id;
  CHECK(pool.resolve("head") == second);
  CHECK_FALSE(pool.ref("unfinished"));
  CHECK(pool.reflog().size() == 4);
  CHECK_NOTHROW(pool.begin(second).commit("head", "again", "unfinished"));
}

TEST_CASE("a table grows by rows and blocks, and old generations keep their size") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1);
  Transaction transaction = pool.begin(first);
  transaction.set_table({0}, kLayout, 17);
  transaction.put_page({0}, {2}, page_rows(2001));
  transaction.put_page({0}, {3}, page_rows(8));
  transaction.put_page({0}, {4}, page_rows(9, 1));
  transaction.set_table({5}, {2, 8, 0, Element::kBfloat16}, 1);
  transaction.put_page({5}, {0}, std::vector<float>{1.0f, -2.0f, 0.5f, 3.0f});
  const Generation grown = pool.generation(transaction.commit("head", "grown").id);
  CHECK(grown.table({0})->rows == 17);
  CHECK(read_rows(pool, grown, 4) == page_rows(9, 1));
  CHECK(pool.generation(first).table({0})->rows == 10);
  const MappedPage half = pool.page(grown, {5}, {0});
  std::uint16_t bits[4];
  std::memcpy(bits, half.data, sizeof bits);
  CHECK(bits[0] == 0x3f80);
  CHECK(bits[1] == 0xc000);
  CHECK(bits[2] == 0x3f00);
  CHECK(bits[3] == 0x4040);
  CHECK(pool.verify().damage.empty());
}

TEST_CASE("a table of many leaves keeps the pages that were not touched") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const RowLayout layout{1, 1, 0, Element::kFloat32};
  Transaction first = pool.begin({});
  first.set_table({0}, layout, 600);
  for (int i = 0; i < 600; ++i) first.put_page({0}, {i}, std::vector<float>{static_cast<float>(i), 0.0f});
  const GenerationId parent = first.commit("head", "600 pages").id;
  Transaction second = pool.begin(parent);
  second.set_table({0}, layout, 601);
  second.put_page({0}, {300}, std::vector<float>{-1.0f, 0.0f});
  second.put_page({0}, {600}, std::vector<float>{600.0f, 0.0f});
  const Generation child = pool.generation(second.commit("head", "one changed, one new").id);
  for (int i : {0, 255, 256, 299, 301, 511, 512, 599, 600}) CHECK(read_rows(pool, child, i)[0] == static_cast<float>(i));
  CHECK(read_rows(pool, child, 300)[0] == -1.0f);
  CHECK(read_rows(pool, pool.generation(parent), 300)[0] == 300.0f);
  CHECK(pool.verify().files == 602);
}

TEST_CASE("freezing a page forgets its state and keeps its file") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1);
  Transaction transaction = pool.begin(first);
  transaction.drop_page_state({0}, {0});
  const CommitReport report = transaction.commit("head", "frozen");
  CHECK(report.files_written == 0);
  const Generation frozen = pool.generation(report.id);
  CHECK(pool.page_state(frozen, {0}, {0}).empty());
  CHECK(pool.page_version(frozen, {0}, {0}).content == pool.page_version(pool.generation(first), {0}, {0}).content);
  CHECK(pool.page_state(pool.generation(first), {0}, {0}) == page_state_values(1));
  CHECK(frozen.content != pool.generation(first).content);
}

TEST_CASE("tables and trunks can be dropped, and the parent keeps them") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const GenerationId first = commit_sample(pool, {}, 1);
  Transaction transaction = pool.begin(first);
  transaction.drop_table({0});
  transaction.drop_trunk("base");
  const Generation bare = pool.generation(transaction.commit("head", "bare").id);
  CHECK(bare.tables.empty());
  CHECK(bare.trunks.empty());
  CHECK(pool.generation(first).trunks.size() == 1);
  CHECK(pool.verify().damage.empty());
}

TEST_CASE("a trunk holds tensors of every shape under their names") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const std::vector<float> values(5000, 0.25f);
  std::vector<TensorView> tensors = {{"scalar", {}, values.data()}, {"empty", {0, 4}, nullptr}, {"cube", {10, 20, 25}, values.data()}};
  for (int i = 0; i < 100; ++i) tensors.push_back({"layers." + std::to_string(i) + ".norm.weight", {7}, values.data() + i});
  Transaction transaction = pool.begin({});
  transaction.put_trunk("many", tensors);
  const Generation generation = pool.generation(transaction.commit("head", "tensors").id);
  const auto read = pool.trunk(*generation.trunk("many"));
  REQUIRE(read.size() == tensors.size());
  for (const TensorView& tensor : tensors) {
    INFO(tensor.name);
    CHECK(read.at(tensor.name).shape == tensor.shape);
  }
  CHECK(read.at("scalar").values == std::vector<float>{0.25f});
  CHECK(read.at("empty").values.empty());
  CHECK(read.at("cube").values == values);
  const auto mapped = pool.mapped_trunk(*generation.trunk("many"));
  REQUIRE(mapped.size() == read.size());
  for (const auto& [name, tensor] : mapped) {
    CHECK(tensor.shape == read.at(name).shape);
    REQUIRE(tensor.numbers.size() == read.at(name).values.size() * sizeof(float));
    if (!tensor.numbers.empty()) CHECK(std::memcmp(tensor.numbers.data(), read.at(name).values.data(), tensor.numbers.size()) == 0);
  }
}

TEST_CASE("records are read by key and by prefix, and written alone or with a commit") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  const std::string binary("\0\xff\n", 3);
  pool.put_records({{"m/2", "two"}, {"m/1", "one"}, {"n", binary}, {"", "empty key"}});
  Transaction transaction = pool.begin({});
  transaction.put_record("m/1", "first");
  CHECK(pool.record("m/1") == "one");
  transaction.commit("head", "with a record");
  std::vector<std::string> seen;
  pool.for_each_record("m/",
                       [&](std::string_view key, std::string_view value) { seen.push_back(std::string(key) + '=' + std::string(value)); });
  CHECK(seen == std::vector<std::string>{"m/1=first", "m/2=two"});
  CHECK(pool.record("n") == binary);
  CHECK(pool.record("") == "empty key");
}

TEST_CASE("a transaction that is dropped leaves the pool as it was") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  commit_sample(pool, {}, 1);
  const auto shards = names_in(pool.path() + "/shards"), trunk = names_in(pool.path() + "/trunk");
  {
    Transaction transaction = pool.begin({0});
    transaction.put_page({0}, {0}, page_rows(77));
    transaction.set_state("never seen");
    CHECK(names_in(pool.path() + "/shards").size() == shards.size() + 1);
  }
  CHECK(names_in(pool.path() + "/shards") == shards);
  CHECK(names_in(pool.path() + "/trunk") == trunk);
  CHECK(pool.generation(pool.resolve("head")).state == "state 1");
}

TEST_CASE("a transaction refuses what would not be a table") {
  const ScratchDirectory scratch;
  Pool pool = Pool::create(scratch / "pool");
  Transaction transaction = pool.begin({});
  CHECK_THROWS_AS(transaction.put_page({0}, {0}, page_rows(1)), ContractError);
  CHECK_THROWS_AS(transaction.set_table({0}, RowLayout{3, 5, 0, Element::kFloat32}, 4), ContractError);
  transaction.set_table({0}, kLayout, 5);
  CHECK_THROWS_AS(transaction.set_table({0}, kLayout, 4), ContractError);
  CHECK_THROWS_AS(transaction.set_table({0}, RowLayout{4, 4, 2, Element::kFloat32}, 5), ContractError);
  CHECK_THROWS_AS(transaction.put_page({0}, {2}, page_rows(1)), ContractError);
  CHECK_THROWS_AS(transaction.put_page({0}, {1}, page_rows(1)), ContractError);
  CHECK_THROWS_AS(transaction.put_page({0}, {0}, page_rows(1), page_state_values(1, 3)), ContractError);
  transaction.put_page({0}, {0}, page_rows(1));
  CHECK_THROWS_AS(transaction.commit("head", "page 1 is missing"), ContractError);
  transaction.put_page({0}, {1}, page_rows(2, 1));
  const GenerationId id = transaction.commit("head", "complete").id;
  CHECK_THROWS_AS(transaction.commit("head", "twice"), ContractError);
  Transaction growing = pool.begin(id);
  growing.set_table({0}, kLayout, 6);
  CHECK_THROWS_AS(growing.commit("head", "page 1 has a row more"), ContractError);
  growing.drop_page_state({0}, {1});
  CHECK_THROWS_AS(growing.commit("head", "page 1 is still the old one"), ContractError);
  CHECK_THROWS_AS(growing.drop_page_state({0}, {7}), ContractError);
  const Pool reader = Pool::open(scratch / "pool", Access::kRead);
  CHECK_THROWS_AS(Pool::open(scratch / "pool", Access::kRead).begin(id), ContractError);
  CHECK(reader.generations().size() == 1);
}

TEST_CASE("creating over something, and opening nothing, are clear lines") {
  const ScratchDirectory scratch;
  { const Pool pool = Pool::create(scratch / "pool"); }
  CHECK_THROWS_WITH(Pool::create(scratch / "pool"), Catch::Contains("something exists here already"));
  CHECK_THROWS_WITH(Pool::create(scratch / "none/pool"), Catch::Contains("does not exist"));
  CHECK_THROWS_WITH(Pool::open(scratch / "other", Access::kRead), Catch::Contains("there is no pool here"));
  std::filesystem::create_directory(scratch / "folder");
  CHECK_THROWS_WITH(Pool::open(scratch / "folder", Access::kWrite), Catch::Contains("no FORMAT file"));
}
