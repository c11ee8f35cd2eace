// `peer-cli train` and `stream` are killed at any instant, again and again, until they end in the bits of a run that nothing disturbed.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "peer/base/philox.h"
#include "tests/cli/micro_pool.h"
#include "tests/crash/child_process.h"
#include "tests/crash/pool_check.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"
#include "tests/support/domain_text.h"
#include "tests/support/temporary_folder.h"

using namespace peer;
using namespace peer::cli;
using namespace peer::pool;
using namespace peer::pool::test;

namespace {

void copy_pool(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

int run_to_end(const Words& command) {
  ChildProcess process(command);
  process.finish();
  return process.exit_code();
}

// One stage, the pool that it starts on, and what head is before and after it.
struct Stage {
  std::string start;
  Words words;  // between the command and the common flags
  Digest before{}, after{};
  std::uint64_t microseconds = 0;  // of a run in peace

  Words command(const std::string& pool, const Words& more = {}) const {
    return Words{PEER_CLI_BINARY, words[0], pool} + Words(words.begin() + 1, words.end()) + kMicroCommon + more;
  }

  // Runs in peace on a copy at `pool`, and learns from it.
  void measure(const std::string& pool) {
    copy_pool(start, pool);
    before = check_pool(pool).content;
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(run_to_end(command(pool)) == 0);
    const auto took = std::chrono::steady_clock::now() - began;
    microseconds = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    after = check_pool(pool).content;
    REQUIRE(before != after);
  }
};

struct Tally {
  int killed = 0, with_checkpoint = 0, resumed = 0, ended = 0;
};

// Starts the stage or goes on with it, kills it after `delay` (0: never), and requires a whole pool at the state before or after.
// True when head is the state after.
bool disturb(const Stage& stage, const std::string& pool, std::uint64_t delay, Tally& tally) {
  const bool waits = Pool::open(pool, Access::kRead).ref("resume").has_value();
  ChildProcess process(stage.command(pool, waits ? Words{"--resume"} : Words{}));
  if (delay > 0) {
    std::this_thread::sleep_for(std::chrono::microseconds(delay));
    process.kill();
  }
  process.finish();
  const PoolCheck check = check_pool(pool);
  REQUIRE(check.problems == std::vector<std::string>{});
  REQUIRE((check.content == stage.before || check.content == stage.after));
  const bool ended = check.content == stage.after;
  if (process.was_killed())
    ++tally.killed;
  else
    REQUIRE(process.exit_code() == 0);
  if (!process.was_killed() || !process.output().empty()) REQUIRE(ended);  // what was acknowledged is there
  const Pool reader = Pool::open(pool, Access::kRead);
  const auto checkpoint = reader.ref("resume");
  if (checkpoint) REQUIRE(reader.generation(*checkpoint).parent == check.head);
  if (ended) REQUIRE_FALSE(checkpoint);
  tally.with_checkpoint += checkpoint ? 1 : 0;
  tally.resumed += waits ? 1 : 0;
  tally.ended += ended ? 1 : 0;
  return ended;
}

}  // namespace

TEST_CASE("stages survive SIGKILL at random instants and end in the same bits as in peace") {
  constexpr int kKills = PEER_STREAM_KILLS, kStages = 2, kUndisturbed = 10;
  const ScratchDirectory scratch;
  const std::string sea = scratch / "sea.txt", code = scratch / "code.txt";
  peer::test::write_file(sea, peer::test::domain_text(0, 60));
  peer::test::write_file(code, peer::test::domain_text(1, 60));
  REQUIRE(run_to_end(Words{PEER_CLI_BINARY, "init", scratch / "untrained"} + kMicroModel + kMicroCommon) == 0);
  const Words often = kMicroStage + Words{"--checkpoint-every", "3"};
  Stage stages[kStages] = {{scratch / "untrained", Words{"train", "--domain", "sea", "--from", sea} + often},
                           {scratch / "trained", Words{"stream", "--domain", "code", "--from", code} + often}};
  stages[0].measure(scratch / "trained");
  stages[1].measure(scratch / "streamed");

  const std::string pool = scratch / "pool";
  for (std::uint32_t s = 0; s < kStages; ++s) {
    const Stage& stage = stages[s];
    const Random random(11, Purpose::kTest, s);
    Tally tally;
    copy_pool(stage.start, pool);
    for (std::uint64_t round = 0; tally.killed < kKills / kStages; ++round) {
      const bool undisturbed = round % kUndisturbed == kUndisturbed - 1;
      const std::uint64_t delay = undisturbed ? 0 : 1 + random.below(round, stage.microseconds);
      INFO(stage.words[0] << ", round " << round << ", killed after " << delay << " us; " << tally.killed << " kills");
      if (disturb(stage, pool, delay, tally)) copy_pool(stage.start, pool);
    }
    CAPTURE(stage.words[0], tally.with_checkpoint, tally.resumed, tally.ended);
    CHECK(tally.with_checkpoint > 0);
    CHECK(tally.resumed > 0);
    CHECK(tally.ended > 0);
  }
}
