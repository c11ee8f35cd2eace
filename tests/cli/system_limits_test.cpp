// What the system refuses (threads, address space, file sizes): one line, exit code 1, and a pool that nothing touched.
#include <unistd.h>

#include <algorithm>

#include "cli/exit_code.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer::cli;

namespace {

const MicroWorld& world() { return MicroWorld::get(); }

bool is_one_line(const std::string& errors) {
  return errors.starts_with("peer-cli: ") && std::count(errors.begin(), errors.end(), '\n') == 1;
}

// `ulimit LIMIT`, then the command. A limit of processes does not hold for root: another user then, to whom everything is given.
Outcome run_limited(const std::string& limit, const ScratchDirectory& scratch, const Words& words) {
  const bool as_other = limit.starts_with("-u") && ::geteuid() == 0;
  const std::string folder = scratch / "";
  const std::string give = as_other ? "chmod 755 '" + folder + "'; chown -R 61234 '" + folder + "'\n" : "";
  const std::string other = as_other ? "setpriv --reuid 61234 --clear-groups " : "";
  return run_shell(give + "exec " + other + "bash -c 'ulimit " + limit + "; exec \"$0\" \"$@\"' \"$PEER\"" + quoted(words));
}

}  // namespace

TEST_CASE("a thread that the system refuses is one line, never an abort") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch), before = fingerprint_of(pool), text = scratch / "code.txt";
  std::filesystem::copy(world().text("code"), text);
  Words stage = Words{"stream", pool} + world().stage("code") + kMicroCommon + Words{"--dry-run"};
  *(std::find(stage.begin(), stage.end(), "--from") + 1) = text;
  *(std::find(stage.begin(), stage.end(), "--threads") + 1) = "3";
  const Words only_reads = {"log", pool}, writes = {"checkpoint", pool, "--tag", "head-0", "--remove"};
  int refused = 0;
  for (int processes = 1; processes <= 8; ++processes)
    for (const Words& words : {only_reads, writes, stage}) {
      const Outcome outcome = run_limited("-u " + std::to_string(processes), scratch, words);
      CAPTURE(processes, words, outcome.code, outcome.out, outcome.errors);
      if (outcome.code == kDone) continue;
      REQUIRE(is_one_line(outcome.errors));
      if (outcome.code == kUsage) continue;  // there is no such tag: the pool was open
      REQUIRE(outcome.code == kFailure);
      CHECK(lacks(outcome.errors, {"thread", "ulimit -u", "Resource temporarily unavailable"}) == "");
      ++refused;
    }
  CHECK(refused >= 3);  // by one process each
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("an address space that is too small is one line, never an abort") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch), before = fingerprint_of(pool);
  int done = 0;
  for (int megabytes = 100; megabytes <= 450; megabytes += 25) {
    const Outcome outcome = run_limited("-v " + std::to_string(1000 * megabytes), scratch, {"log", pool});
    CAPTURE(megabytes, outcome.code, outcome.errors);
    if (outcome.code == 127) continue;  // too small for the program's libraries: the loader says so
    if (outcome.code == kDone && ++done) continue;
    REQUIRE(outcome.code == kFailure);
    REQUIRE(is_one_line(outcome.errors));
  }
  CHECK(done > 0);
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("a file that may not grow is one line that names the limit, and the pool stays sound") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch), before = fingerprint_of(pool);
  const Words stage = Words{"stream", pool} + world().stage("code") + kMicroCommon;
  for (const std::string kilobytes : {"1", "8", "16"}) {
    const Outcome outcome = run_limited("-f " + kilobytes, scratch, stage);
    CAPTURE(kilobytes, outcome.errors);
    CHECK(outcome.code == kFailure);
    CHECK(is_one_line(outcome.errors));
    CHECK(lacks(outcome.errors, {pool, "File too large", "ulimit -f"}) == "");
  }
  CHECK(fingerprint_of(pool) == before);
  CHECK(run_cli({"verify", pool}).code == kDone);
}
