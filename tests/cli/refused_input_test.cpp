// Bad input of every kind: one line on stderr, the documented exit code, and a pool that nothing touched.
#include <unistd.h>

#include <algorithm>

#include "cli/exit_code.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;
using namespace std::string_literals;

namespace {

const MicroWorld& world() { return MicroWorld::get(); }

// Replaces the value of a flag in a stage's flags, or adds both.
Words with(Words words, const std::string& flag, const std::string& value) {
  const auto found = std::find(words.begin(), words.end(), flag);
  if (found == words.end()) return words + Words{flag, value};
  *(found + 1) = value;
  return words;
}

// Runs a command that must fail.
void check_refused(const std::string& command, const std::string& pool, const Words& words, int code) {
  const Outcome outcome = peer_cli(command, pool, words);
  CAPTURE(command, words, outcome.errors);
  CHECK(outcome.code == code);
  CHECK(outcome.out.empty());
  CHECK(outcome.errors.starts_with("peer-cli: "));
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("text that cannot be learnt is refused and the pool stays as it was") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch), before = fingerprint_of(pool);
  scratch.write("empty.txt", "");
  scratch.write("binary.txt", "text\0\x01\x02 more"s);
  scratch.write("latin1.txt", "caf\xe9 au lait\n");
  scratch.write("long.txt", std::string(100'000'000, 'a'));
  for (const std::string name : {"missing.txt", "empty.txt", "binary.txt", "latin1.txt", "long.txt"})
    check_refused("stream", pool, with(world().stage("code"), "--from", scratch / name), kFailure);
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("an option that cannot be meant is refused and the pool stays as it was") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch), before = fingerprint_of(pool);
  const Words stage = world().stage("code");
  const std::vector<std::pair<std::string, std::string>> options = {{"--strategy", "grew"},
                                                                    {"--steps", "0"},
                                                                    {"--threads", "-1"},
                                                                    {"--threads", "99999"},
                                                                    {"--device-memory", "-1"},
                                                                    {"--device-memory", "1e20"},
                                                                    {"--batch", "0"},
                                                                    {"--batch", "-1"},
                                                                    {"--batch", "many"},
                                                                    {"--eval-batch", "0"},
                                                                    {"--eval-bytes", "0"},
                                                                    {"--eval-overlap", "1"},
                                                                    {"--domain", "caf\xe9"},
                                                                    {"--steps", "9223372036854775807"},
                                                                    {"--parent-view", "v7"},
                                                                    {"--held-out-share", "2"},
                                                                    {"--annex-side", "-1"},
                                                                    {"--annex-side", "1G"},
                                                                    {"--experts", "-1"},
                                                                    {"--experts", "1000000M"},
                                                                    {"--newest-prior", "2"},
                                                                    {"--switch-share", "-1"},
                                                                    {"--beta1", "1"},
                                                                    {"--clip", "-1"},
                                                                    {"--delta-rate", "nan"},
                                                                    {"--delta-rate", "-1"},
                                                                    {"--checkpoint-every", "-1"},
                                                                    {"--eval-every", "-1"},
                                                                    {"--parent-view", "v9"},
                                                                    {"--domain", "a b"},
                                                                    {"--domain", ""},
                                                                    {"--warmup-share", "2"},
                                                                    {"--stesp", "3"}};
  for (const auto& [flag, value] : options) check_refused("stream", pool, with(stage, flag, value), kUsage);
  check_refused("train", pool, with(stage, "--experts", "4"), kUsage);
  check_refused("train", pool, stage, kUsage);  // every view is frozen
  check_refused("grow", pool, {"--experts", "0"}, kUsage);
  check_refused("grow", pool, {"--experts", "4", "--mode", "extend"}, kUsage);
  for (const Words& words : {Words{"--domain", "cod"}, Words{"--view", "v7"}, Words{"--at", "g7"}, Words{"--eval-batch", "0"}})
    check_refused("eval", pool, words, kUsage);
  check_refused("forgetting", pool, {"--at", "nowhere"}, kUsage);
  check_refused("forgetting", pool, {"--usage", "--newest-prior", "2"}, kUsage);
  check_refused("inspect", pool, {"--at", "nowhere"}, kUsage);
  for (const Words& words : {Words{"--bytes", "-1"}, Words{"--temperature", "-1"}, Words{"--top-k", "-1"}, Words{"--top-k", "half"},
                             Words{"--top-p", "0"}, Words{"--top-p", "1.5"}, Words{"--min-p", "-0.1"}, Words{"--min-p", "2"},
                             Words{"--count", "0"}, Words{"--count", "1G"}, Words{"--stop", ""}})
    check_refused("generate", pool, words, kUsage);
  check_refused("generate", pool, {"--view", "v7"}, kUsage);
  check_refused("rollback", pool, {"--to", "nowhere"}, kUsage);
  CHECK(fingerprint_of(pool) == before);
  check_refused("init", scratch / "new", {"--preset", "huge"}, kUsage);
  check_refused("init", scratch / "new", {"--heads", "3"}, kUsage);
  CHECK_FALSE(std::filesystem::exists(scratch / "new"));
}

TEST_CASE("training and scoring in bf16 on a CPU without it is refused before anything is read") {
  const ScratchDirectory scratch;
  const std::string pool = world().untrained(scratch), before = fingerprint_of(pool);
  const Words words = Words{"train", pool, "--precision", "bf16"} + world().stage("sea") + kMicroCommon;
  const Outcome outcome = run_shell("ONEDNN_MAX_CPU_ISA=AVX2 \"$PEER\"" + quoted(words));
  CHECK(outcome.code == kFailure);
  CHECK(lacks(outcome.errors, {"precision", "bf16", "--precision fp32"}) == "");
  CHECK(std::count(outcome.errors.begin(), outcome.errors.end(), '\n') == 1);
  CHECK(fingerprint_of(pool) == before);
  const Outcome scored = run_shell("ONEDNN_MAX_CPU_ISA=AVX2 \"$PEER\"" + quoted(Words{"eval", pool, "--precision", "bf16"}));
  CHECK(scored.code == kFailure);
  CHECK(scored.errors == outcome.errors);
}

TEST_CASE("a run that no memory can hold is refused before it begins") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch), before = fingerprint_of(pool);
  check_refused("stream", pool, with(world().stage("code"), "--batch", "10G"), kFailure);
  check_refused("stream", pool, with(world().stage("code"), "--experts", "1G"), kFailure);
  check_refused("grow", pool, {"--experts", "1G"}, kFailure);
  check_refused("init", scratch / "new", {"--peer-side", "32768", "--width", "4096"}, kFailure);
  CHECK_FALSE(std::filesystem::exists(scratch / "new"));
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("a loss that is no number ends the stage without a commit") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch), before = fingerprint_of(pool);
  check_refused("stream", pool, world().stage("code") + Words{"--delta-rate", "1e30"}, kFailure);
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("a pool that another process writes is refused with that process's number") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch);
  const pool::Pool writer = pool::Pool::open(pool, pool::Access::kWrite);
  for (const std::string command : {"stream", "train"}) {
    check_refused(command, pool, world().stage("code"), kPoolLocked);
    CHECK(lacks(peer_cli(command, pool, world().stage("code")).errors, {std::to_string(getpid())}) == "");
  }
  check_refused("grow", pool, {"--experts", "4"}, kPoolLocked);
  CHECK(peer_cli("eval", pool).code == kDone);
}

TEST_CASE("where there is no pool every command says so") {
  const ScratchDirectory scratch;
  for (const std::string command : {"eval", "forgetting", "inspect", "generate", "log"})
    check_refused(command, scratch / "none", {}, kFailure);
  check_refused("stream", scratch / "none", world().stage("code"), kFailure);
  check_refused("train", scratch / "none", {"--resume"}, kFailure);
  CHECK_FALSE(std::filesystem::exists(scratch / "none"));
}
