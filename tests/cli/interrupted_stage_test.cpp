// Ctrl-C, --resume and --discard of the built program.
#include <algorithm>
#include <csignal>

#include "cli/exit_code.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

// Enough steps that a signal after a few of them always comes before the last.

Words long_stage(const std::string& domain) {
  const MicroWorld& world = MicroWorld::get();
  Words words = world.stage(domain);
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == "--steps") words[i + 1] = "1000";
  return words;
}

// Sends SIGINT, or another signal, when the metrics file holds a few steps.
Outcome interrupt(const std::string& command, const std::string& pool, const Words& words, const std::string& metrics,
                  const std::string& signal = "INT") {
  const Words all = Words{command, pool} + words + kMicroCommon + Words{"--metrics", metrics};
  return run_shell("\"$PEER\"" + quoted(all) + " &\nchild=$!\nuntil [ \"$(wc -l < '" + metrics +
                   "' 2>/dev/null || echo 0)\" -ge 5 ] || ! kill -0 $child 2>/dev/null; do sleep 0.005; done\nkill -" + signal +
                   " $child\nwait $child");
}

}  // namespace

TEST_CASE("a stage that was interrupted and resumed ends in the bits of one that was not") {
  const ScratchDirectory scratch;
  const std::string whole = MicroWorld::get().trained(scratch), parts = scratch / "parts";
  std::filesystem::copy(whole, parts, std::filesystem::copy_options::recursive);
  const Words stage = long_stage("code"), metrics = {"--metrics", scratch / "metrics"};
  REQUIRE(peer_cli("stream", whole, stage + metrics).code == kDone);
  std::filesystem::remove(scratch / "metrics");
  const Digest before = head_content(parts);
  const Outcome stopped = interrupt("stream", parts, stage + Words{"--json"}, scratch / "metrics");
  INFO(stopped.errors);
  REQUIRE(stopped.code == kResumable);
  CHECK(stopped.json()["interrupted"] == true);
  CHECK(stopped.json()["steps"] < 1000);
  CHECK(head_content(parts) == before);
  CHECK(peer_cli("verify", parts).code == kDone);
  const Outcome resumed = peer_cli("stream", parts, {"--resume", "--json"});
  REQUIRE(resumed.code == kDone);
  CHECK(resumed.json()["steps"] == 1000);
  CHECK(head_content(parts) == head_content(whole));
}

TEST_CASE("the metrics of a stage that was killed and resumed from another folder hold each step once") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch), metrics = scratch / "metrics";
  const Words stage = long_stage("code") + Words{"--checkpoint-every", "2"};
  REQUIRE(interrupt("stream", pool, stage, std::filesystem::relative(metrics), "KILL").code == 128 + SIGKILL);
  const std::string killed = read_text(metrics);
  REQUIRE(run_shell("cd /\n\"$PEER\"" + quoted(Words{"stream", pool, "--resume"} + kMicroCommon)).code == kDone);
  std::istringstream lines(read_text(metrics));
  std::int64_t steps = 0;
  for (std::string line; std::getline(lines, line);) CHECK(Json::parse(line)["step"] == ++steps);
  CHECK(steps == 1000);
  CHECK(read_text(metrics).substr(0, 100) == killed.substr(0, 100));  // the same file
}

TEST_CASE("while a stage waits to be resumed another is refused, and --discard lets it begin") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch);
  REQUIRE(interrupt("stream", pool, long_stage("code"), scratch / "metrics").code == kResumable);
  const std::string waiting = fingerprint_of(pool);
  const Words next = MicroWorld::get().stage("code");
  const Outcome refused = peer_cli("stream", pool, next);
  CHECK(refused.code == kUsage);
  CHECK(lacks(refused.errors, {"--resume", "--discard"}) == "");
  CHECK(peer_cli("stream", pool, next + Words{"--resume", "--discard"}).code == kUsage);
  CHECK(peer_cli("checkpoint", pool, {"--tag", "resume", "--remove"}).code == kUsage);
  const Words missing = Words{"--domain", "x", "--from", scratch / "missing", "--discard"};
  CHECK(peer_cli("stream", pool, missing).code == kFailure);  // a misspelt path loses no work
  CHECK(fingerprint_of(pool) == waiting);
  CHECK(peer_cli("stream", pool, next + Words{"--discard"}).code == kDone);
  const Outcome nothing = peer_cli("stream", pool, {"--resume"});
  CHECK(nothing.code == kUsage);
  CHECK(lacks(nothing.errors, {"no interrupted stage"}) == "");
}

TEST_CASE("a stage that was interrupted before its first step keeps nothing and says so") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch), before = fingerprint_of(pool);
  const Words endless = MicroWorld::get().stage("code") + Words{"--reference", "naive", "--threads", "1"};
  Words words = Words{"stream", pool} + endless;
  *(std::find(words.begin(), words.end(), "--steps") + 1) = "1000000";
  const Outcome stopped =
      run_shell("\"$PEER\"" + quoted(words) + " 2>'" + (scratch / "notes") + "' &\nchild=$!\nuntil grep -q reference '" +
                (scratch / "notes") + "' || ! kill -0 $child; do sleep 0.005; done\nkill -INT $child\nwait $child");
  CHECK(stopped.code == kResumable);
  CHECK(stopped.out == "interrupted before the first step: nothing was kept; run the same command again\n");
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("ctrl-C while a long text is scored before the first step ends the scoring") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch), before = fingerprint_of(pool), notes = scratch / "notes";
  std::string text;
  for (int i = 0; text.size() < 6'000'000; ++i) text += "line " + std::to_string(i) + " of a text whose scoring takes a while\n";
  const Words words = {"stream",       pool, "--domain",         "long", "--from",       scratch.write("long.txt", text),
                       "--eval-bytes", "6M", "--held-out-share", "0.9",  "--eval-batch", "4",
                       "--threads",    "1"};
  const Outcome stopped = run_shell("\"$PEER\"" + quoted(words) + " 2>'" + notes + "' &\nchild=$!\nuntil grep -q 'score long' '" + notes +
                                    "' || ! kill -0 $child; do sleep 0.005; done\nkill -INT $child\nwait $child");
  CHECK(stopped.code == kResumable);
  CHECK(stopped.out == "interrupted before the first step: nothing was kept; run the same command again\n");
  CHECK(read_text(notes).find("'long' after") == std::string::npos);  // what the score would have said
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("a stage that is interrupted while it reads its text ends soon, and leaves the pool as it was") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch), before = fingerprint_of(pool), pipe = scratch / "pipe.txt";
  const auto interrupt_reading = [&](const Words& words, const std::string& writer) {
    return run_shell("mkfifo '" + pipe + "'; " + writer + "\n\"$PEER\"" + quoted(words + kMicroCommon) +
                     " &\nchild=$!\nuntil ls -l /proc/$child/fd | grep -q pipe.txt || ! kill -0 $child; do sleep 0.005; done\nkill -TERM "
                     "$child\nfor i in {1..500}; do kill -0 $child || break; sleep 0.02; done 2>/dev/null\nkill -KILL $child "
                     "2>/dev/null\nwait $child; code=$?\nrm '" +
                     pipe + "'; kill %1 2>/dev/null; exit $code");
  };
  const Words fresh = Words{"stream", pool, "--domain", "y", "--from", pipe};
  for (const std::string& writer : {"yes >'" + pipe + "' &", "sleep 60 >'" + pipe + "' &", std::string("sleep 60 &")}) {
    CAPTURE(writer);
    const Outcome stopped = interrupt_reading(fresh, writer);
    CHECK(stopped.code == kResumable);
    CHECK(stopped.out == "interrupted before the first step: nothing was kept; run the same command again\n");
    CHECK(fingerprint_of(pool) == before);
  }
  REQUIRE(interrupt("stream", pool, long_stage("code"), scratch / "metrics").code == kResumable);
  const std::string waiting = fingerprint_of(pool);
  const Outcome stopped = interrupt_reading({"stream", pool, "--resume", "--from", pipe}, "yes >'" + pipe + "' &");
  CHECK(stopped.code == kResumable);
  CHECK(lacks(stopped.out, {"interrupted before step ", "go on with --resume"}) == "");
  CHECK(fingerprint_of(pool) == waiting);
  CHECK(peer_cli("stream", pool, {"--resume"}).code == kDone);
}

TEST_CASE("prune frees the states of stages that went on, and a stage that waits can still be resumed") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch);
  REQUIRE(interrupt("stream", pool, long_stage("code") + Words{"--checkpoint-every", "2"}, scratch / "metrics").code == kResumable);
  const Outcome first = peer_cli("prune", pool, {"--json"});
  REQUIRE(first.code == kDone);
  CHECK(first.json()["generations"] >= 1);
  CHECK(first.json()["bytes"] > 0);
  CHECK(peer_cli("rollback", pool, {"--to", "resume"}).code == kUsage);
  REQUIRE(peer_cli("stream", pool, {"--resume"}).code == kDone);
  const Digest head = head_content(pool);
  CHECK(peer_cli("prune", pool, {"--dry-run", "--json"}).json()["removed"] == false);
  CHECK(peer_cli("prune", pool, {"--json"}).json()["generations"] >= 1);
  CHECK(peer_cli("prune", pool, {"--json"}).json()["files"] == 0);
  CHECK(head_content(pool) == head);
  CHECK(peer_cli("verify", pool).code == kDone);
  CHECK(peer_cli("eval", pool).code == kDone);
}

TEST_CASE("what a stage left on its way is no state to return to or to compare, and only one that waits is told of --resume") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().streamed(scratch);
  REQUIRE(interrupt("stream", pool, long_stage("molecules") + Words{"--checkpoint-every", "2"}, scratch / "metrics").code == kResumable);
  const std::string waits = peer_cli("show", pool, {"resume", "--json"}).json()["id"];
  const Outcome waiting = peer_cli("rollback", pool, {"--to", waits});
  CHECK(waiting.code == kUsage);
  CHECK(lacks(waiting.errors, {waits + " is an unfinished state", "the one before it is g2", "waits at " + waits, "--resume"}) == "");
  REQUIRE(peer_cli("stream", pool, {"--resume"}).code == kDone);
  const Outcome over = peer_cli("rollback", pool, {"--to", waits});
  CHECK(over.code == kUsage);
  CHECK(lacks(over.errors, {"the one before it is g2; its stage is over"}) == "");
  CHECK(over.errors.find("--resume") == std::string::npos);
  const Outcome compared = run_cli({"compare", pool + "@" + waits, pool});
  CHECK(compared.code == kUsage);
  CHECK(lacks(compared.errors, {waits + " is an unfinished state", "expected a finished one"}) == "");
}

TEST_CASE("prune --unnamed frees the stages that were refused, but for the last, which has a name") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().streamed(scratch);
  REQUIRE(peer_cli("stream", pool, MicroWorld::get().stage("molecules")).code == kDone);
  const Digest head = head_content(pool);
  for (const std::string steps : {"4", "5", "6"}) {
    const Words folding = {"g1..head", "--steps",      steps, "--batch",          "4",     "--self-text",
                           "2k",       "--eval-batch", "4",   "--max-forgetting", "0.0001"};
    REQUIRE(peer_cli("consolidate", pool, folding).code == kForgettingLimit);
  }
  CHECK(peer_cli("prune", pool, {"--json"}).json()["generations"] == 0);
  const Json freed = peer_cli("prune", pool, {"--unnamed", "--json"}).json();
  CHECK(freed["generations"] == 2);
  CHECK(freed["bytes"] > 0);
  CHECK(peer_cli("eval", pool, {"--at", "refused"}).code == kDone);
  CHECK(head_content(pool) == head);
  CHECK(peer_cli("verify", pool).code == kDone);
}

TEST_CASE("beside --resume another stage is refused, and its text may lie elsewhere") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch);
  const Words stage = long_stage("code");
  REQUIRE(interrupt("stream", pool, stage, scratch / "metrics").code == kResumable);
  for (const Words& other : {Words{"--domain", "other"}, Words{"--steps", "7"}, Words{"--strategy", "naive"}}) {
    const Outcome refused = peer_cli("stream", pool, other + Words{"--resume"});
    CHECK(refused.code == kUsage);
    CHECK(lacks(refused.errors, {"--resume", other[0]}) == "");
  }
  const Json look = peer_cli("stream", pool, {"--resume", "--dry-run", "--json"}).json();
  CHECK(look["parameters_added"] == 0);  // it has grown already
  CHECK(look["memory_bytes"].is_number_integer());
  const std::string text = *(std::find(stage.begin(), stage.end(), "--from") + 1), moved = scratch / "moved.txt";
  std::filesystem::copy(text, moved);
  const std::string metrics = scratch / "resumed";
  REQUIRE(peer_cli("stream", pool, {"--resume", "--from", moved, "--domain", "code", "--metrics", metrics}).code == kDone);
  CHECK(!read_text(metrics).empty());
}

TEST_CASE("an interrupted stage is resumed on the head that it grew on alone") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch);
  REQUIRE(interrupt("stream", pool, long_stage("code"), scratch / "metrics").code == kResumable);
  REQUIRE(peer_cli("rollback", pool, {"--to", "head~1"}).code == kDone);
  const Outcome elsewhere = peer_cli("stream", pool, {"--resume"});
  CHECK(elsewhere.code == kUsage);
  CHECK(lacks(elsewhere.errors, {"rollback --to g1"}) == "");
}
