// log, show, checkpoint, rollback and verify on a small pool that the facade made.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "cli/exit_code.h"
#include "pool/pool.h"
#include "tests/cli/lacks.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

constexpr pool::RowLayout kLayout{.width = 4, .rows_per_page = 8, .state_floats = 2};

// Generations "init", "train en", "stream cpp": a chain; the first page is frozen in the last.
struct SmallPool {
  ScratchDirectory scratch;
  std::string path = scratch / "pool";
  std::vector<GenerationId> ids;

  SmallPool() {
    pool::Pool pool = pool::Pool::create(path);
    ids.push_back(commit(pool, {}, 8, "init"));
    ids.push_back(commit(pool, ids[0], 16, "train en"));
    ids.push_back(commit(pool, ids[1], 24, "stream cpp"));
  }

  static GenerationId commit(pool::Pool& pool, GenerationId parent, std::int64_t rows, const std::string& message) {
    const std::vector<float> page(static_cast<std::size_t>(8 * 2 * kLayout.width), static_cast<float>(rows));
    const std::vector<float> state(static_cast<std::size_t>(8 * kLayout.state_floats), 1);
    pool::Transaction transaction = pool.begin(parent);
    transaction.set_table({0}, kLayout, rows);
    transaction.put_page({0}, {rows / 8 - 1}, page, state);
    if (rows == 24) transaction.drop_page_state({0}, {0});
    transaction.put_trunk("base", {{"weight", {2, 2}, page.data()}});
    transaction.set_state("cursor of " + message);
    return transaction.commit("head", message).id;
  }

  std::string ref(int i) const { return "g" + std::to_string(ids[static_cast<std::size_t>(i)].value); }
  Outcome run(const std::string& command, std::vector<std::string> words = {}) const {
    words.insert(words.begin(), {command, path});
    return run_cli(words);
  }
  std::string head() const { return run("log", {"--json"}).json()["generations"][0]["id"]; }
};

}  // namespace

TEST_CASE("log lists the generations from head back with their names") {
  const SmallPool pool;
  const Json log = pool.run("log", {"--json"}).json();
  REQUIRE(log["generations"].size() == 3);
  CHECK(log["generations"][0]["message"] == "stream cpp");
  CHECK(log["generations"][0]["names"] == Json({"head"}));
  CHECK(log["generations"][0]["parent"] == log["generations"][1]["id"]);
  CHECK(log["generations"][2]["parent"].is_null());
  CHECK(log["generations"][0]["digest"].get<std::string>().size() == 32);
  const Outcome text = pool.run("log");
  CHECK(text.code == 0);
  CHECK(lacks(text.out, {"stream cpp", "train en", "head"}) == "");
}

TEST_CASE("log can start elsewhere and can be cut short") {
  const SmallPool pool;
  CHECK(pool.run("log", {"head~1", "--json"}).json()["generations"].size() == 2);
  CHECK(pool.run("log", {"--limit", "1", "--json"}).json()["generations"].size() == 1);
  CHECK(pool.run("log", {"no-such-ref"}).code == kUsage);
}

TEST_CASE("four digits of a digest name a generation, and fewer are told how many it takes") {
  const SmallPool pool;
  const std::string digest = pool.run("log", {"--json"}).json()["generations"][0]["digest"];
  for (const std::size_t digits : {std::size_t{4}, std::size_t{7}, std::size_t{8}, std::size_t{32}})
    CHECK(pool.run("show", {digest.substr(0, digits), "--json"}).json()["message"] == "stream cpp");
  const Outcome few = pool.run("show", {digest.substr(0, 3)});
  CHECK(few.code == kUsage);
  CHECK(lacks(few.errors, {"of a digest give 4 digits or more"}) == "");
  REQUIRE(pool.run("checkpoint", {"--tag", "cafe", "--at", pool.ref(0)}).code == kDone);  // short enough to be a name
  CHECK(pool.run("show", {"cafe", "--json"}).json()["message"] == "init");
  CHECK(pool.run("verify").code == kDone);
}

TEST_CASE("log of a pool without a generation says so") {
  const ScratchDirectory scratch;
  pool::Pool::create(scratch / "empty");
  const Outcome text = run_cli({"log", scratch / "empty"});
  CHECK(text.code == 0);
  CHECK(lacks(text.errors, {"no generation", "peer-cli init"}) == "");
  CHECK(run_cli({"log", scratch / "empty", "--json"}).json()["generations"].empty());
}

TEST_CASE("show counts experts, pages, frozen pages and bytes") {
  const SmallPool pool;
  const Json show = pool.run("show", {"--json", "--pages"}).json();
  const Json table = show["tables"][0];
  CHECK(table["experts"] == 24);
  CHECK(table["pages"] == 3);
  CHECK(table["frozen_pages"] == 1);
  CHECK(table["bytes"] == 24 * 2 * 4 * 4);
  REQUIRE(table["versions"].size() == 3);
  CHECK(table["versions"][0]["state"].is_null());
  CHECK(table["versions"][1]["rows"] == 8);
  CHECK(show["trunks"][0]["name"] == "base");
  CHECK(show["message"] == "stream cpp");
  CHECK(pool.run("show", {pool.ref(0), "--json"}).json()["tables"][0]["experts"] == 8);
  const Outcome text = pool.run("show", {"--pages"});
  CHECK(lacks(text.out, {"generation " + pool.ref(2), "frozen", "base"}) == "");
}

TEST_CASE("checkpoint names a generation once, and the same again changes nothing") {
  const SmallPool pool;
  CHECK(pool.run("checkpoint", {"--tag", "done"}).code == 0);
  CHECK(pool.run("log", {"--json"}).json()["generations"][0]["names"] == Json({"head", "done"}));
  CHECK(pool.run("checkpoint", {"--tag", "done"}).code == 0);
  const Outcome other = pool.run("checkpoint", {"--tag", "done", "--at", "head~1"});
  CHECK(other.code == kUsage);
  CHECK(lacks(other.errors, {"--move"}) == "");
  CHECK(pool.run("checkpoint", {"--tag", "done", "--at", "head~1", "--move"}).code == 0);
  CHECK(pool.run("show", {"done", "--json"}).json()["message"] == "train en");
  CHECK(pool.run("checkpoint", {"--tag", "done", "--remove"}).code == 0);
  CHECK(pool.run("show", {"done"}).code == kUsage);
  CHECK(pool.run("checkpoint", {"--tag", "done", "--remove"}).code == kUsage);
}

TEST_CASE("a tag that already means something else is refused and nothing is named") {
  const SmallPool pool;
  for (const char* name : {"head", "resume", "refused", "g12", "12", "deadbeef", "a b", "", "head~1"}) {
    CAPTURE(name);
    CHECK(pool.run("checkpoint", {"--tag=" + std::string(name)}).code == kUsage);
  }
  CHECK(pool.run("checkpoint", {"--tag", "head", "--remove"}).code == kUsage);
  CHECK(pool.run("log", {"--json"}).json()["generations"][0]["names"] == Json({"head"}));
}

TEST_CASE("rollback moves head, says how to undo it, and loses nothing") {
  const SmallPool pool;
  const Outcome back = pool.run("rollback", {"--to", "head~2", "--json"});
  CHECK(back.code == 0);
  CHECK(back.json()["head"] == pool.ref(0));
  CHECK(back.json()["previous"] == pool.ref(2));
  CHECK(back.json()["undo"].get<std::string>().ends_with(" --to " + pool.ref(2)));
  CHECK(pool.head() == pool.ref(0));
  CHECK(pool.run("log", {"--all", "--json"}).json()["generations"].size() == 3);
  const Json moves = pool.run("log", {"--moves", "--json"}).json()["moves"];
  CHECK(moves[0]["from"] == pool.ref(2));
  CHECK(moves[0]["to"] == pool.ref(0));

  const Outcome forward = pool.run("rollback", {"--to", pool.ref(2)});
  CHECK(forward.code == 0);
  CHECK(lacks(forward.errors, {"--to " + pool.ref(0)}) == "");
  CHECK(pool.head() == pool.ref(2));
  CHECK(pool.run("verify").code == 0);
}

TEST_CASE("a rollback to nowhere leaves head where it is") {
  const SmallPool pool;
  CHECK(pool.run("rollback", {"--to", "g999"}).code == kUsage);
  CHECK(pool.head() == pool.ref(2));
}

TEST_CASE("prune leaves every finished state; --unnamed lists and frees what no name leads to, and that alone") {
  const SmallPool pool;
  REQUIRE(pool.run("rollback", {"--to", "head~1"}).code == kDone);
  CHECK(pool.run("prune", {"--json"}).json()["generations"] == 0);
  REQUIRE(pool.run("rollback", {"--to", pool.ref(2)}).code == kDone);
  REQUIRE(pool.run("rollback", {"--to", "head~2"}).code == kDone);
  REQUIRE(pool.run("checkpoint", {"--tag", "kept", "--at", pool.ref(1)}).code == kDone);

  const Outcome look = pool.run("prune", {"--unnamed", "--dry-run"});
  CHECK(look.code == kDone);
  CHECK(lacks(look.out, {"stream cpp", "would remove 0 unfinished states, 1 finished state without a name"}) == "");
  CHECK(lacks(look.errors, {"to keep one of them: peer-cli checkpoint " + pool.path + " --tag NAME --at " + pool.ref(2)}) == "");
  CHECK(pool.run("log", {"--all", "--json"}).json()["generations"].size() == 3);

  const Json removed = pool.run("prune", {"--unnamed", "--json"}).json();
  CHECK(removed["removed"] == true);
  CHECK(removed["generations"] == 1);
  CHECK(removed["files"] == 3);  // a page, its state and a trunk
  REQUIRE(removed["states"].size() == 1);
  CHECK(removed["states"][0]["id"] == pool.ref(2));
  CHECK(removed["states"][0]["message"] == "stream cpp");
  CHECK(removed["states"][0]["finished"] == true);
  CHECK(pool.run("verify").code == kDone);
  CHECK(pool.run("show", {"kept", "--json"}).json()["message"] == "train en");
  CHECK(pool.head() == pool.ref(0));
  const Outcome gone = pool.run("rollback", {"--to", pool.ref(2)});
  CHECK(gone.code == kUsage);
  CHECK(lacks(gone.errors, {pool.ref(2) + " was pruned"}) == "");
}

TEST_CASE("prune --unnamed removes nothing of a pool that lost its head") {
  const SmallPool pool;
  pool::Pool::open(pool.path, pool::Access::kWrite).delete_ref("head", "lost");
  CHECK(pool.run("prune", {"--unnamed"}).code == kCorruptData);
  CHECK(pool.run("log", {"--all", "--json"}).json()["generations"].size() == 3);
}

TEST_CASE("verify passes a sound pool and names a damaged file with exit code 4") {
  const SmallPool pool;
  const Json sound = pool.run("verify", {"--json"}).json();
  CHECK(sound["ok"] == true);
  CHECK(sound["generations"] == 3);
  CHECK(sound["damage"].empty());
  CHECK(pool.run("verify").out.starts_with("sound: 3 generations"));

  std::filesystem::path victim;
  for (const auto& entry : std::filesystem::directory_iterator(pool.path + "/shards"))
    if (entry.is_regular_file()) victim = entry.path();
  REQUIRE_FALSE(victim.empty());
  chmod(victim.c_str(), 0644);
  std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const char flipped = static_cast<char>(file.get() ^ 1);
  file.seekp(-1, std::ios::end);
  file.put(flipped);
  file.close();

  const Outcome damaged = pool.run("verify", {"--json"});
  CHECK(damaged.code == kCorruptData);
  CHECK(damaged.json()["ok"] == false);
  REQUIRE_FALSE(damaged.json()["damage"].empty());
  CHECK(damaged.json()["damage"][0]["file"].get<std::string>().ends_with(victim.filename().string()));
  const Outcome text = pool.run("verify");
  CHECK(text.code == kCorruptData);
  CHECK(lacks(text.out, {victim.filename().string()}) == "");
}

TEST_CASE("verify notes a damaged slot of HEAD2, the newest as the other, and calls the pool sound") {
  const SmallPool pool;
  const std::string head2 = pool.path + "/HEAD2", bytes = read_text(head2);
  for (const std::size_t byte : {std::size_t{8}, std::size_t{4104}}) {
    std::string flipped = bytes;
    flipped[byte] ^= 1;
    std::ofstream(head2, std::ios::binary) << flipped;
    const Outcome text = pool.run("verify");
    CHECK(text.code == kDone);
    CHECK(lacks(text.out, {"note: HEAD2: slot " + std::string(byte == 8 ? "0" : "1") + " is damaged", "writes it anew", "\nsound: "}) ==
          "");
    const Json document = pool.run("verify", {"--json"}).json();
    CHECK(document["ok"] == true);
    CHECK(document["damage"].empty());
    CHECK(document["notes"][0]["file"] == "HEAD2");
  }
}

TEST_CASE("a pool that cannot be opened is damage that verify reports") {
  const SmallPool pool;
  std::ofstream(pool.path + "/FORMAT") << "something else\n";
  const Outcome outcome = pool.run("verify", {"--json"});
  CHECK(outcome.code == kCorruptData);
  CHECK(outcome.json()["damage"].size() == 1);
  CHECK(pool.run("log").code == kCorruptData);
}

TEST_CASE("a second writer gets exit code 5 while readers go on") {
  const SmallPool pool;
  const pool::Pool writer = pool::Pool::open(pool.path, pool::Access::kWrite);
  const Outcome refused = run_shell("\"$PEER\" checkpoint '" + pool.path + "' --tag x");
  CHECK(refused.code == kPoolLocked);
  CHECK(refused.out.empty());
  CHECK(run_shell("\"$PEER\" log '" + pool.path + "' --json").json()["generations"].size() == 3);
}

TEST_CASE("with --json stdout holds one document and nothing else") {
  const SmallPool pool;
  const std::vector<std::pair<std::string, std::vector<std::string>>> calls = {
      {"log", {}}, {"log", {"--moves"}}, {"show", {}}, {"checkpoint", {"--tag", "x"}}, {"rollback", {"--to", "head~1"}}, {"verify", {}}};
  for (auto [command, words] : calls) {
    CAPTURE(command);
    words.push_back("--json");
    const Outcome outcome = pool.run(command, words);
    CHECK(outcome.code == 0);
    CHECK_NOTHROW(outcome.json());
  }
}
