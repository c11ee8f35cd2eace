// generate: the built program on a micro pool.
#include "cli/exit_code.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

const MicroWorld& world() { return MicroWorld::get(); }

}  // namespace

TEST_CASE("generate writes at most so many bytes, and the same text for the same seed") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Words words = {"--json", "--prompt", "int x", "--bytes", "60", "--temperature", "1"};
  const Outcome one = peer_cli("generate", pool, words), same = peer_cli("generate", pool, words);
  CHECK(one.json()["prompt"] == "int x");
  CHECK(one.json()["bytes"] <= 60);
  CHECK(same.out == one.out);
  CHECK(run_shell("\"$PEER\"" + quoted(Words{"generate", pool} + words + Words{"--threads", "1", "--seed", "4"})).out != one.out);
  CHECK(peer_cli("generate", pool, {"--prompt", "int x", "--bytes", "0"}).out == "int x\n");
}

TEST_CASE("generate --count continues one prompt several times, each time otherwise") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Words words = {"--prompt", "int x", "--bytes", "30", "--temperature", "1"};
  const Json one = peer_cli("generate", pool, words + Words{"--json"}).json();
  const Json three = peer_cli("generate", pool, words + Words{"--count", "3", "--json"}).json();
  CHECK_FALSE(one.contains("samples"));
  REQUIRE(three["samples"].size() == 3);
  CHECK(three["text"] == one["text"]);
  CHECK(three["samples"][0]["text"] == one["text"]);
  CHECK(three["samples"][1]["text"] != one["text"]);
  CHECK(three["samples"][2]["text"] != three["samples"][1]["text"]);
  const std::string text = peer_cli("generate", pool, words + Words{"--count", "3"}).out;
  CHECK(lacks(text, {"--- 1 of 3\nint x", "\n--- 2 of 3\nint x", "\n--- 3 of 3\nint x"}) == "");
}

TEST_CASE("generate --stop ends before the first of some texts, and filters leave the likeliest byte") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Words words = {"--json", "--prompt", "int x", "--bytes", "60"}, likeliest = words + Words{"--temperature", "0"};
  const std::string text = peer_cli("generate", pool, likeliest).json()["text"];
  REQUIRE(text.size() > 12);
  const std::string stop = text.substr(4, 3), other = text.substr(6, 5);
  const std::size_t at = std::min(text.find(stop), text.find(other));
  CHECK(peer_cli("generate", pool, likeliest + Words{"--stop", "\x01never", other, "--stop", stop}).json()["text"] == text.substr(0, at));
  CHECK(peer_cli("generate", pool, likeliest + Words{"--stop", "\x01never"}).json()["text"] == text);
  for (const Words& filter : {Words{"--top-k", "1"}, Words{"--top-p", "0.000001"}, Words{"--min-p", "1"}})
    CHECK(peer_cli("generate", pool, words + Words{"--temperature", "1"} + filter).json()["text"] == text);
  CHECK(peer_cli("generate", pool, words + Words{"--temperature", "1"}).json()["text"] != text);
}

TEST_CASE("generate --precision bf16 writes the same text from run to run, also on a CPU that does not multiply bf16") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Words words =
      Words{"generate", pool, "--json", "--prompt", world().text("code"), "--bytes", "40", "--precision", "bf16"} + kMicroCommon;
  const Outcome one = run_shell("\"$PEER\"" + quoted(words));
  CHECK(one.code == kDone);
  CHECK(one.json()["bytes"] > 0);
  CHECK(run_shell("\"$PEER\"" + quoted(words)).out == one.out);
  const Outcome narrow = run_shell("ONEDNN_MAX_CPU_ISA=AVX2 PEER_CPU_PATH=portable \"$PEER\"" + quoted(words));
  CHECK(narrow.code == kDone);
  CHECK(narrow.json()["bytes"] > 0);
}
