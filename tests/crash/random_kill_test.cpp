// A program that commits one generation after another is killed at any instant: what it had acknowledged is there.
#include <algorithm>
#include <chrono>
#include <thread>

#include "peer/base/philox.h"
#include "tests/crash/child_process.h"
#include "tests/crash/crash_steps.h"
#include "tests/crash/pool_check.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::pool;
using namespace peer::pool::test;

namespace {

// The last whole line of the driver's output: the last commit that it acknowledged; -1 when there is none.
std::int64_t last_acknowledged(const std::string& output) {
  const std::size_t end = output.rfind('\n');
  if (end == std::string::npos) return -1;
  const std::size_t begin = end == 0 ? std::string::npos : output.rfind('\n', end - 1);
  return std::stoll(output.substr(begin == std::string::npos ? 0 : begin + 1, end));
}

}  // namespace

TEST_CASE("commits in a row survive SIGKILL at random instants") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "pool", reference = scratch / "reference";
  std::vector<Digest> content;  // by seed
  {
    make_two_generations(reference);
    Pool pool = Pool::open(reference, Access::kWrite);
    GenerationId head = pool.resolve("head");
    for (int seed = 0; seed < 8; ++seed) content.push_back(pool.generation(head = commit_everything(pool, head, seed)).content);
  }
  // A kill within four times what it takes to start, open and commit once hits all of these, on a slow machine as on a fast one.
  const auto start = std::chrono::steady_clock::now();
  ChildProcess({PEER_CRASH_DRIVER, reference, "commit"}).finish();
  const auto unit = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  const auto longest = static_cast<std::uint64_t>(std::clamp<std::int64_t>(4 * unit.count(), 20'000, 2'000'000));
  make_two_generations(path);
  std::int64_t head = 1;
  const Random random(5, Purpose::kTest);
  for (std::uint64_t round = 0; round < 30; ++round) {
    ChildProcess driver({PEER_CRASH_DRIVER, path, "loop"});
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(round, longest)));
    driver.kill();
    driver.finish();
    const std::int64_t acknowledged = std::max(head, last_acknowledged(driver.output()));
    const PoolCheck check = check_pool(path);
    INFO("round " << round << ", acknowledged g" << acknowledged << ", head g" << check.head.value);
    REQUIRE(driver.was_killed());
    REQUIRE(check.problems == std::vector<std::string>{});
    REQUIRE((check.head.value == acknowledged || check.head.value == acknowledged + 1));
    if (check.head.value > 1) REQUIRE(check.content == content[static_cast<std::size_t>(check.head.value % 8)]);
    head = check.head.value;
  }
  CHECK(head > 10);
}
