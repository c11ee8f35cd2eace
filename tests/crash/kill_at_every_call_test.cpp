// A program that is killed at any of its file operations leaves the pool as it was before the step, or as it is after.
#include <filesystem>
#include <set>

#include "tests/cli/micro_pool.h"
#include "tests/crash/child_process.h"
#include "tests/crash/crash_steps.h"
#include "tests/crash/pool_check.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"
#include "tests/support/domain_text.h"
#include "tests/support/temporary_folder.h"

using namespace peer;
using namespace peer::pool;
using namespace peer::pool::test;

namespace {

std::string state_of(const std::string& path) { return visible_state(Pool::open(path, Access::kRead)); }

void copy_pool(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// What the pool at `path` does wrong after the interruption, "" when nothing.
std::string problem_after(const std::string& path, const std::string& before, const std::string& after, bool acknowledged) {
  const PoolCheck interrupted = check_pool(path);
  if (!interrupted.problems.empty()) return "opening: " + interrupted.problems[0];
  const std::string state = state_of(path);
  if (state != after && (acknowledged || state != before)) return acknowledged ? "acknowledged work is gone" : "a state of neither side";
  {
    Pool pool = Pool::open(path, Access::kWrite);
    if (visible_state(pool) != state) return "recovery changed the state";
    commit_everything(pool, pool.resolve("head"), 40);
    if (pool.generation(pool.resolve("head")).state != "cursor 40") return "the next commit did not become head";
  }
  const PoolCheck next = check_pool(path);
  return next.problems.empty() ? "" : "after the next commit: " + next.problems[0];
}

}  // namespace

TEST_CASE("a commit and a rollback survive SIGKILL at every file operation") {
  const ScratchDirectory scratch;
  const std::string original = scratch / "original", path = scratch / "pool";
  make_two_generations(original);
  for (const std::string step : {"commit", "rollback"}) {
    copy_pool(original, path);
    {
      Pool pool = Pool::open(path, Access::kWrite);
      run_step(pool, step);
    }
    const std::string before = state_of(original), after = state_of(path);
    REQUIRE(before != after);

    int seen_before = 0, seen_after = 0;
    for (int operation = 1;; ++operation) {
      copy_pool(original, path);
      ChildProcess driver({PEER_CRASH_DRIVER, path, step},
                          {"LD_PRELOAD=" PEER_KILL_AT_CALL, "KILL_ROOT=" + path, "KILL_AT=" + std::to_string(operation)});
      driver.finish();
      INFO(step << ", killed at file operation " << operation);
      REQUIRE((driver.was_killed() || driver.exit_code() == 0));
      if (check_pool(path).problems.empty()) ++(state_of(path) == before ? seen_before : seen_after);
      CHECK(problem_after(path, before, after, driver.output() == "done\n") == "");
      if (!driver.was_killed()) break;
    }
    // The kills must have fallen on both sides of the moment that decides.
    CHECK(seen_before > 20);
    CHECK(seen_after > 0);
  }
}

namespace {

// g0, g1 (head), and on g1 what two refused stages and a rollback leave: g2 without a name, g3 called "refused", g4 with a tag and g5, on
// g4, without one.
void make_branches(const std::string& path) {
  make_two_generations(path);
  Pool pool = Pool::open(path, Access::kWrite);
  const GenerationId head = pool.resolve("head");
  commit_everything(pool, head, 50);
  pool.move_ref("refused", commit_everything(pool, head, 51), "forgot too much");
  const GenerationId tagged = commit_everything(pool, head, 52);
  pool.move_ref("tag", tagged, "checkpoint");
  commit_everything(pool, tagged, 53);
  pool.move_ref("head", head, "rollback");
}

// What every ref leads to, by content, read to the last page.
std::string named_states(const std::string& path) {
  const Pool pool = Pool::open(path, Access::kRead);
  std::string text;
  for (const auto& [name, id] : pool.refs()) {
    const Generation generation = pool.generation(id);
    for (const TableInfo& table : generation.tables)
      for (std::int64_t page = 0; page < table.page_count(); ++page) pool.page(generation, table.block, {page});
    text += name + ' ' + to_hex(generation.content) + '\n';
  }
  return text;
}

std::size_t file_count(const std::string& pool) { return names_in(pool + "/shards").size() + names_in(pool + "/trunk").size(); }

}  // namespace

TEST_CASE("prune of what has no name survives SIGKILL at every file operation, and what it left goes the next time") {
  const ScratchDirectory scratch;
  const std::string original = scratch / "original", path = scratch / "pool";
  make_branches(original);
  const std::string named = named_states(original);
  const std::size_t all = file_count(original);
  REQUIRE(Pool::open(original, Access::kRead).generations().size() == 6);
  copy_pool(original, path);
  {
    Pool pool = Pool::open(path, Access::kWrite);
    run_step(pool, "prune");
  }
  const std::size_t needed = file_count(path);
  REQUIRE(needed < all);
  int kept = 0, removed = 0, strays = 0;
  for (int operation = 1;; ++operation) {
    copy_pool(original, path);
    ChildProcess driver({PEER_CRASH_DRIVER, path, "prune"},
                        {"LD_PRELOAD=" PEER_KILL_AT_CALL, "KILL_ROOT=" + path, "KILL_AT=" + std::to_string(operation)});
    driver.finish();
    INFO("killed at file operation " << operation);
    REQUIRE((driver.was_killed() || driver.exit_code() == 0));
    REQUIRE(check_pool(path).problems == std::vector<std::string>{});
    REQUIRE(named_states(path) == named);
    const std::size_t generations = Pool::open(path, Access::kRead).generations().size();
    REQUIRE((generations == 6 || generations == 4));
    ++(generations == 6 ? kept : removed);
    strays += generations == 4 && file_count(path) > needed;
    {
      Pool pool = Pool::open(path, Access::kWrite);
      run_step(pool, "prune");
      REQUIRE(pool.generations().size() == 4);
    }
    REQUIRE(named_states(path) == named);
    REQUIRE(file_count(path) == needed);
    REQUIRE(check_pool(path).problems == std::vector<std::string>{});
    if (!driver.was_killed()) break;
  }
  CHECK(kept > 0);
  CHECK(removed > 1);
  CHECK(strays > 0);  // killed between the catalogue and the files
}

TEST_CASE("a stage that commits beside its steps survives SIGKILL within those commits, and goes on from the one before") {
  using namespace peer::cli;
  constexpr int kEvery = 11;  // of its file operations, a few hundred
  const ScratchDirectory scratch;
  const std::string text = scratch / "sea.txt", untrained = scratch / "untrained", path = scratch / "pool";
  peer::test::write_file(text, peer::test::domain_text(0, 60));
  const auto command = [&](const std::string& pool, const Words& more) {
    return Words{PEER_CLI_BINARY, "train", pool, "--domain", "sea", "--from", text, "--checkpoint-every", "3"} + kMicroStage +
           kMicroCommon + more;
  };
  const auto in_peace = [](const Words& words) {
    ChildProcess process(words);
    process.finish();
    REQUIRE(process.exit_code() == 0);
  };
  in_peace(Words{PEER_CLI_BINARY, "init", untrained} + kMicroModel + kMicroCommon);
  copy_pool(untrained, path);
  in_peace(command(path, {}));
  const Digest before = check_pool(untrained).content, after = check_pool(path).content;

  std::set<std::string> checkpoints;
  for (int operation = 1;; operation += kEvery) {
    INFO("killed at file operation " << operation);
    copy_pool(untrained, path);
    ChildProcess stage(command(path, {}), {"LD_PRELOAD=" PEER_KILL_AT_CALL, "KILL_ROOT=" + path, "KILL_AT=" + std::to_string(operation)});
    stage.finish();
    const PoolCheck interrupted = check_pool(path);
    REQUIRE(interrupted.problems == std::vector<std::string>{});
    if (!stage.was_killed()) {
      REQUIRE(interrupted.content == after);
      break;
    }
    REQUIRE((interrupted.content == before || interrupted.content == after));
    if (interrupted.content == after) continue;
    bool waits = false;
    {
      const Pool reader = Pool::open(path, Access::kRead);
      if (const auto checkpoint = reader.ref("resume")) checkpoints.insert(reader.generation(*checkpoint).message), waits = true;
    }
    in_peace(command(path, waits ? Words{"--resume"} : Words{}));
    REQUIRE(check_pool(path).content == after);
  }
  CHECK(checkpoints.size() == 8);  // after 3, 6, ... 24 of 24 steps
}
