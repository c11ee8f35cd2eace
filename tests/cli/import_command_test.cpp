#include "cli/exit_code.h"
#include "pool/pool.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"
#include "tests/support/llama_folder.h"

using namespace peer;
using namespace peer::cli;

namespace {

Outcome import_to(const std::string& pool, const std::string& model, const Words& words = {}) {
  return peer_cli("import", pool, Words{"--model", model} + words);
}

const Words kMicroDelta = {"--annex-side",  "4", "--annex-heads",  "2", "--annex-top-k",  "2",
                           "--annex-d-key", "8", "--dense-hidden", "8", "--adapter-rank", "2"};

}  // namespace

TEST_CASE("import prints what the model and a view cost, and --dry-run makes nothing") {
  const ScratchDirectory scratch;
  const std::string model = test::LlamaFolder().write(scratch / "llama");
  const Outcome dry = import_to(scratch / "pool", model, {"--dry-run", "--json"});
  CHECK(dry.code == 0);
  CHECK(dry.json()["base"]["experts"] == 0);
  CHECK(dry.json()["document_token"] == test::kLlamaEnd);
  CHECK(!std::filesystem::exists(scratch / "pool"));
  const Outcome made = import_to(scratch / "pool", model, kMicroDelta + Words{"--context", "16", "--name", "mine"});
  CHECK(made.code == 0);
  CHECK(made.out.find("windows of 16 tokens") != std::string::npos);
  CHECK(made.out.find("holds mine; next: peer-cli stream") != std::string::npos);
  CHECK(peer_cli("log", scratch / "pool").out.find("import: mine, ") != std::string::npos);
  const Json inside = peer_cli("inspect", scratch / "pool", {"--json"}).json();
  CHECK(inside["experts"] == 0);
  CHECK(inside["views"][0]["domain"] == "mine");
}

TEST_CASE("a folder that cannot be imported is one line, a usage error or damage, and no pool") {
  const ScratchDirectory scratch;
  test::LlamaFolder model;
  const Outcome nowhere = import_to(scratch / "pool", scratch / "nowhere");
  CHECK(nowhere.code == kUsage);
  model.config["model_type"] = "gemma";
  const Outcome other = import_to(scratch / "pool", model.write(scratch / "gemma"));
  CHECK(other.code == kUsage);
  CHECK(other.errors.find("expected llama (SmolLM") != std::string::npos);
  CHECK(std::count(other.errors.begin(), other.errors.end(), '\n') == 1);
  model = {};
  model.tensors.pop_back();
  CHECK(import_to(scratch / "pool", model.write(scratch / "short")).code == kCorruptData);
  CHECK(import_to(scratch / "pool", test::LlamaFolder().write(scratch / "llama"), {"--from", scratch / "gone", "--domain", "sea"}).code !=
        0);
  CHECK(!std::filesystem::exists(scratch / "pool"));
}

TEST_CASE("a model whose tables are longer than its tokenizer's vocabulary writes text, and replays some") {
  const MicroWorld& world = MicroWorld::get();
  const ScratchDirectory scratch;
  const std::string pool = scratch / "pool", model = test::LlamaFolder().write(scratch / "llama");
  REQUIRE(import_to(pool, model, kMicroDelta).code == 0);
  const Outcome text = peer_cli("generate", pool, {"--temperature", "100", "--bytes", "600", "--json"});
  CAPTURE(text.errors);
  CHECK(text.code == 0);
  REQUIRE(peer_cli("stream", pool, world.stage("code")).code == 0);
  const Outcome replayed = peer_cli("stream", pool, world.stage("sea") + Words{"--strategy", "self-replay", "--self-text", "3k"});
  CAPTURE(replayed.errors);
  CHECK(replayed.code == 0);
}

TEST_CASE("a Qwen3 model is grown on, scored and writes, and a new model can have its attention") {
  const MicroWorld& world = MicroWorld::get();
  const ScratchDirectory scratch;
  test::LlamaFolder model;
  model.become_qwen3();
  const Outcome made = import_to(scratch / "qwen", model.write(scratch / "model"), kMicroDelta + Words{"--json"});
  CAPTURE(made.errors);
  REQUIRE(made.code == 0);
  REQUIRE(peer_cli("init", scratch / "new", kMicroModel + Words{"--head-width", "6", "--query-key-norm", "rms"}).code == 0);
  REQUIRE(peer_cli("train", scratch / "new", world.stage("sea")).code == 0);
  for (const char* pool : {"qwen", "new"}) {
    const Outcome stage = peer_cli("stream", scratch / pool, world.stage("code"));
    CAPTURE(stage.errors);
    REQUIRE(stage.code == 0);
    CHECK(peer_cli("eval", scratch / pool).code == 0);
    CHECK(peer_cli("generate", scratch / pool, {"--prompt", "the sea", "--bytes", "40"}).code == 0);
    CHECK(peer_cli("verify", scratch / pool).code == 0);
  }
  const Outcome odd = peer_cli("init", scratch / "odd", kMicroModel + Words{"--head-width", "5"});
  CHECK(odd.code == kUsage);
  CHECK(odd.errors.find("head-width must be even") != std::string::npos);
}

TEST_CASE("rates on an imported model are those for weights that know something, unless others are given") {
  const MicroWorld& world = MicroWorld::get();
  const ScratchDirectory scratch;
  const std::string model = test::LlamaFolder().write(scratch / "llama");
  const auto trunk_after = [&](const std::string& name, const Words& rates) {
    REQUIRE(import_to(scratch / name, model, kMicroDelta).code == 0);
    REQUIRE(peer_cli("stream", scratch / name, world.stage("code") + Words{"--strategy", "naive"} + rates).code == 0);
    return peer_cli("show", scratch / name, {"--json"}).json()["trunks"];
  };
  const Json usual = trunk_after("usual", {});
  REQUIRE(usual.is_array());
  CHECK(usual == trunk_after("named", {"--trunk-rate", "0.0001", "--delta-rate", "0.002"}));
  CHECK(usual != trunk_after("other", {"--trunk-rate", "0.003"}));
}

TEST_CASE("an imported model is measured on what it knew, and stages that grow on it say what that cost") {
  const MicroWorld& world = MicroWorld::get();
  const ScratchDirectory scratch;
  const std::string pool = scratch / "pool", model = test::LlamaFolder().write(scratch / "llama");
  const Outcome made =
      import_to(pool, model, kMicroDelta + Words{"--domain", "sea", "--test", world.text("sea"), "--eval-bytes", "3k", "--json"});
  REQUIRE(made.code == 0);
  CHECK(made.json()["head"] == "g1");
  CHECK(made.json()["bits_per_byte"]["sea"].get<double>() > 0);
  REQUIRE(peer_cli("stream", pool, world.stage("code") + Words{"--reference", "naive"}).code == 0);
  const Json report = peer_cli("forgetting", pool, {"--json"}).json();
  CHECK(report["stages"] == Json({"imported", "sea measured", "code"}));
  for (const Words& words : {Words{"forgetting"}, Words{"eval"}, Words{"inspect"}, Words{"verify"}, Words{"log"}}) {
    const Outcome outcome = peer_cli(words[0], pool);
    CAPTURE(words[0], outcome.errors);
    CHECK(outcome.code == 0);
    CHECK(outcome.out.find("nan") == std::string::npos);
  }
}
