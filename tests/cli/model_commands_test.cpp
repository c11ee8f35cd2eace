// init, train, stream, grow, eval, forgetting, inspect, checkpoint, rollback and verify: the built program on a micro pool.
#include <sys/stat.h>

#include "cli/exit_code.h"
#include "peer/base/error.h"
#include "peer/device/context.h"
#include "tests/cli/lacks.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::cli;

namespace {

// "" when the object has every key, else the first that it lacks.
std::string lacks_key(const Json& object, const Words& keys) {
  for (const std::string& key : keys)
    if (!object.contains(key)) return key;
  return "";
}

const MicroWorld& world() { return MicroWorld::get(); }

}  // namespace

TEST_CASE("init makes a pool, --dry-run prints its cost alone, and a path that exists is refused") {
  const ScratchDirectory scratch;
  const std::string pool = scratch / "pool";
  const Outcome dry = peer_cli("init", pool, kMicroModel + Words{"--dry-run", "--json"});
  CHECK(dry.code == kDone);
  CHECK(lacks_key(dry.json()["base"], {"experts", "active_parameters", "forward_flops_a_token", "training_bytes"}) == "");
  CHECK_FALSE(std::filesystem::exists(pool));
  const Outcome made = peer_cli("init", pool, kMicroModel + Words{"--json"});
  CHECK(made.code == kDone);
  CHECK(made.json()["base"] == dry.json()["base"]);
  CHECK(made.json()["head"] == "g0");
  const std::string before = fingerprint_of(pool);
  const Outcome again = peer_cli("init", pool, kMicroModel);
  CHECK(again.code == kFailure);
  CHECK(lacks(again.errors, {pool}) == "");
  CHECK(fingerprint_of(pool) == before);
}

TEST_CASE("--device auto computes where it can, and says so when that is the CPU") {
  const ScratchDirectory scratch;
  const Outcome made = run_shell("\"$PEER\"" + quoted(Words{"init", scratch / "pool", "--device", "auto"} + kMicroModel));
  CHECK(made.code == kDone);
  bool cuda = true;
  try {
    const Context ctx(parse_device("cuda"));
  } catch (const DeviceError&) {
    cuda = false;
  }
  CHECK((made.errors.find("computes on the CPU") == std::string::npos) == cuda);
}

TEST_CASE("train and stream teach their domains, and say what they wrote") {
  const ScratchDirectory scratch;
  const std::string pool = world().untrained(scratch);
  const std::string before = fingerprint_of(pool);
  const Json plan = peer_cli("train", pool, world().stage("sea") + Words{"--dry-run", "--json"}).json();
  CHECK(plan["steps"] == 24);
  CHECK(plan["parameters_added"] == 0);
  CHECK(fingerprint_of(pool) == before);
  const Json trained = peer_cli("train", pool, world().stage("sea") + Words{"--json"}).json();
  CHECK(lacks_key(trained, {"domain", "generation", "interrupted", "steps", "seconds", "files_written", "bytes_written"}) == "");
  CHECK(trained["interrupted"] == false);
  CHECK(trained["bits_per_byte"]["sea"] < 7.5);
  const Json streamed = peer_cli("stream", pool, world().stage("code") + Words{"--json"}).json();
  CHECK(streamed["bits_per_byte"]["code"] < 6.5);
  CHECK(streamed["bits_per_byte"]["sea"].get<double>() <= trained["bits_per_byte"]["sea"].get<double>() + 0.01);
}

TEST_CASE("--profile says where the time of a step went, and its lines add up to the step") {
  const ScratchDirectory scratch;
  const std::string pool = world().untrained(scratch);
  const Json profile = peer_cli("train", pool, world().stage("sea") + Words{"--profile", "--json"}).json()["profile"];
  CHECK(profile["steps"] == 23);  // all but the first
  double sum = 0;
  for (const Json& op : profile["ops"]) {
    CAPTURE(op["op"].get<std::string>());
    CHECK(op["seconds"].get<double>() >= 0);
    sum += op["seconds"].get<double>();
  }
  CHECK(sum == Approx(profile["seconds"].get<double>()).epsilon(1e-9));
  CHECK(profile["ops"].back()["op"] == "everything else");
  CHECK(profile["limits"]["flops_a_second"] > 0);
  const Outcome table = peer_cli("stream", pool, world().stage("code") + Words{"--profile"});
  CHECK(lacks(table.out, {"gemm", "expert_row_update", "everything else", "the step", "100.0%", "GB/s from memory"}) == "");
  CHECK(peer_cli("stream", pool, world().stage("molecules")).out.find("everything else") == std::string::npos);
}

TEST_CASE("a config file takes the same keys as the flags, and the command line wins over it") {
  const ScratchDirectory scratch;
  const std::string by_flags = world().trained(scratch);
  const std::string by_file = scratch / "by-file";
  std::filesystem::copy(by_flags, by_file, std::filesystem::copy_options::recursive);
  std::string yaml = "domain: code\nfrom: [" + world().text("code") + "]\n";
  for (std::size_t i = 0; i < kMicroStage.size(); i += 2) yaml += kMicroStage[i].substr(2) + ": " + kMicroStage[i + 1] + "\n";
  const Words config = {"--config", scratch.write("stage.yaml", yaml)};
  REQUIRE(peer_cli("stream", by_flags, world().stage("code")).code == kDone);
  REQUIRE(peer_cli("stream", by_file, config).code == kDone);
  CHECK(head_content(by_file) == head_content(by_flags));
  CHECK(peer_cli("stream", by_file, config + Words{"--steps", "3", "--json"}).json()["steps"] == 3);
}

TEST_CASE("grow adds experts that predict nothing new, by an annex or by larger grids") {
  const std::string mode = GENERATE("annex", "extend");
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch);
  const std::int64_t experts = peer_cli("inspect", pool, {"--json"}).json()["experts"];
  const Json before = peer_cli("eval", pool, {"--json"}).json()["domains"][0]["bits_per_byte"];
  const Json grown = peer_cli("grow", pool, {"--experts", "30", "--mode", mode, "--json"}).json();
  CHECK(lacks_key(grown, {"generation", "files_written", "bytes_written", "pages_shared"}) == "");
  const Json inspect = peer_cli("inspect", pool, {"--json"}).json();
  CHECK(inspect["experts"] >= experts + 28);
  CHECK(inspect["trainable"]["experts"] > 0);
  CHECK(peer_cli("eval", pool, {"--json", "--view", "head"}).json()["domains"][0]["bits_per_byte"] == before);
  CHECK(peer_cli("train", pool, world().stage("code")).code == kDone);
}

TEST_CASE("eval scores each domain with the mixture and with each view alone") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Json all = peer_cli("eval", pool, {"--json"}).json();
  CHECK(lacks_key(all, {"generation", "view", "unit", "domains"}) == "");
  CHECK(all["view"] == "mixture");
  CHECK(all["unit"] == "bits per byte");
  REQUIRE(all["domains"].size() == 2);
  for (const Json& domain : all["domains"]) {
    CHECK(lacks_key(domain, {"domain", "bits_per_byte", "bytes", "documents"}) == "");
    CHECK(domain["bytes"] > 0);
    CHECK(domain["documents"] > 0);
    CHECK(lacks_key(domain["views"], {"base", "v1"}) == "");
    CHECK(domain["low"] <= domain["bits_per_byte"]);
    CHECK(domain["bits_per_byte"] <= domain["high"]);
  }
  const Json one = peer_cli("eval", pool, {"--json", "--view", "base", "--domain", "code"}).json();
  REQUIRE(one["domains"].size() == 1);
  CHECK(one["domains"][0]["bits_per_byte"] == all["domains"][1]["views"]["base"]);
  const Json other = peer_cli("eval", pool, {"--json", "--from", world().text("code"), "--domain", "mine"}).json();
  CHECK(other["domains"][0]["domain"] == "mine");
  CHECK(other["domains"][0]["bytes"] > all["domains"][1]["bytes"]);
}

TEST_CASE("eval takes what stages have scored from the pool, says so, and computes the same numbers --anew") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Words as_the_stages = {"--eval-batch", "4"};
  const Json some = peer_cli("eval", pool, as_the_stages + Words{"--json"}).json()["domains"];
  const Json none = peer_cli("eval", pool, as_the_stages + Words{"--anew", "--json"}).json()["domains"];
  REQUIRE(some.size() == 2);
  for (std::size_t d = 0; d < some.size(); ++d) {
    CHECK(some[d]["views_remembered"] == Json({"base"}));
    CHECK(some[d]["views_read"] == 1.0);
    CHECK(none[d]["views_remembered"].empty());
    CHECK(none[d]["views_read"] == 2.0);
    for (const char* key : {"bits_per_byte", "low", "high", "bytes", "documents", "views"}) CHECK(some[d][key] == none[d][key]);
  }
  CHECK(lacks(peer_cli("eval", pool, as_the_stages).out, {"2 of 4 scores by view were remembered", "--anew"}) == "");
  for (const Words& other :
       {Words{"--eval-batch", "5"}, as_the_stages + Words{"--eval-overlap", "0.25"}, as_the_stages + Words{"--from", world().text("sea")},
        as_the_stages + Words{"--guess", "0.01"}, as_the_stages + Words{"--view", "v1"}, as_the_stages + Words{"--anew"}})
    CHECK(peer_cli("eval", pool, other).out.find("remembered") == std::string::npos);
}

TEST_CASE("eval --precision bf16 moves bits per byte by little, and takes no score that is remembered") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Words as_the_stages = {"--eval-batch", "4", "--json"};
  const Outcome bf16 = peer_cli("eval", pool, as_the_stages + Words{"--precision", "bf16"});
  if (bf16.code == kFailure && bf16.errors.find("avx512_bf16") != std::string::npos) return;
  const Json rounded = bf16.json()["domains"], exact = peer_cli("eval", pool, as_the_stages).json()["domains"];
  for (std::size_t d = 0; d < exact.size(); ++d) {
    CHECK(rounded[d]["views_remembered"].empty());
    CHECK(rounded[d]["bits_per_byte"] != exact[d]["bits_per_byte"]);
    CHECK(rounded[d]["bits_per_byte"].get<double>() == Approx(exact[d]["bits_per_byte"].get<double>()).margin(0.005));
  }
}

TEST_CASE("eval scores a text of one document whole, and says nothing about its spread") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch);
  const std::string line = scratch.write("line.txt", std::string(219, 'x') + "\n");
  const std::string lines = scratch.write("lines.jsonl", R"({"text": ")" + std::string(5000, 'x') + R"(\nlast line"})");
  for (const Words& words : {Words{"--from", line}, Words{"--test", line}, Words{"--from", lines, "--test", line}}) {
    const Outcome outcome = peer_cli("eval", pool, words + Words{"--json"});
    INFO(outcome.errors);
    REQUIRE(outcome.code == kDone);
    const Json score = outcome.json()["domains"][0];
    CHECK(score["documents"] == 1);
    CHECK(score["bytes"] == 220);
    CHECK(score["bits_per_byte"] > 0);
    CHECK(score["low"].is_null());
    CHECK(score["high"].is_null());
  }
  const Json whole = peer_cli("eval", pool, {"--json", "--from", lines}).json();
  CHECK(whole["domains"][0]["documents"] == 1);
  CHECK(whole["domains"][0]["bytes"] == 5010);
  CHECK(peer_cli("eval", pool, {"--from", scratch / "none.txt"}).code == kFailure);
}

TEST_CASE("forgetting reports the matrix and every number from it, as JSON, page and table") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch), html = scratch / "report.html", csv = scratch / "report.csv";
  const Outcome outcome = peer_cli("forgetting", pool, {"--json", "--html", html, "--csv", csv});
  const Json report = outcome.json();
  CHECK(report["domains"] == Json({"sea", "code"}));
  CHECK(report["stages"] == Json({"before", "sea", "code"}));
  REQUIRE(report["matrix"].size() == 3);
  for (const Json& row : report["matrix"]) CHECK(row.size() == 2);
  CHECK(report["matrix"][2][1] < report["matrix"][1][1]);
  CHECK(report["forgetting"]["mean"] <= 0.01);
  CHECK(report["forgetting"]["max"] <= 0.01);
  CHECK(lacks_key(report, {"bwt", "fwt", "plasticity", "retention"}) == "");
  CHECK(report["plasticity"].is_null());  // no naive reference was trained
  CHECK(report["unit"] == "bits per byte");
  CHECK(lacks(read_text(html), {"<!DOCTYPE html", "<svg", "</html>"}) == "");
  CHECK(lacks(read_text(csv), {"domain,stage,bits_per_byte", "\ncode,sea,"}) == "");
}

TEST_CASE("forgetting --usage adds what reading the held-out text again tells; other pools add intransigence and regret") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch), html = scratch / "report.html";
  const Json quick = peer_cli("forgetting", pool, {"--json"}).json();
  for (const char* key : {"usage", "causal_value", "documents"}) CHECK(quick[key].is_null());
  CHECK(quick["intransigence"]["mean"].is_null());
  CHECK(quick["stability_gap"]["mean"].is_null());
  const Json report = peer_cli("forgetting", pool, {"--json", "--usage", "--joint", pool, "--oracle", pool, "--html", html}).json();
  CHECK(report["usage"]["domains"].size() == 2);
  CHECK(report["usage"]["together"].size() == 3);
  CHECK(report["causal_value"]["views"] == Json({"v1"}));
  CHECK(report["documents"].size() == 3);
  CHECK(report["intransigence"]["mean"] == 0.0);  // against itself
  CHECK(report["regret"]["own"] >= 0.0);
  CHECK(report["area"] == quick["area"]);
  CHECK(lacks(read_text(html), {"What each view is worth", "Who predicts, along a document", "</html>"}) == "");
}

TEST_CASE("--eval-every measures the stability gap") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  CHECK(peer_cli("stream", pool, world().stage("molecules") + Words{"--eval-every", "8"}).code == kDone);
  const Json gap = peer_cli("forgetting", pool, {"--json"}).json()["stability_gap"];
  CHECK(gap["by_domain"][0].is_number());
  CHECK(gap["by_domain"][1].is_number());
  CHECK(gap["by_domain"][2].is_null());
}

TEST_CASE("inspect counts experts, pages, blocks and bytes, trainable and frozen") {
  const ScratchDirectory scratch;
  const Json base = peer_cli("inspect", world().untrained(scratch), {"--json"}).json();
  CHECK(base["experts"] == 36);
  CHECK(base["pages"] == 3);
  CHECK(base["blocks"] == 1);
  CHECK(base["bytes"] > 0);
  CHECK(base["rows"] == "fp32");
  CHECK(base["trainable"]["experts"] == 36);
  CHECK(base["frozen"]["experts"] == 0);
  const Json streamed = peer_cli("inspect", world().streamed(scratch), {"--json"}).json();
  CHECK(streamed["experts"] == 36 + 2 * 16);
  CHECK(streamed["trainable"]["experts"] == 0);
  CHECK(streamed["frozen"]["experts"] == 36 + 2 * 16);
  CHECK(streamed["frozen"]["parameters"] > base["trainable"]["parameters"]);
}

TEST_CASE("a pool of bf16 rows is trained, grown and read like any other, and says what its rows are") {
  const ScratchDirectory scratch;
  const std::string pool = scratch / "pool";
  REQUIRE(peer_cli("init", pool, kMicroModel + Words{"--peer-rows", "bf16"}).code == 0);
  REQUIRE(peer_cli("train", pool, world().stage("sea")).code == 0);
  REQUIRE(peer_cli("stream", pool, world().stage("code")).code == 0);
  const Outcome inspect = peer_cli("inspect", pool, {"--json"});
  CHECK(inspect.json()["rows"] == "bf16");
  CHECK(inspect.json()["experts"] == 36 + 2 * 16);
  CHECK(peer_cli("inspect", pool, {}).out.find("rows in bf16") != std::string::npos);
  CHECK(peer_cli("verify", pool, {}).code == 0);
}

TEST_CASE("after a rollback eval prints the old bytes again, and after the way back the new ones") {
  const ScratchDirectory scratch;
  const std::string pool = world().trained(scratch);
  CHECK(peer_cli("checkpoint", pool, {"--tag", "base-sea"}).code == kDone);
  const std::string before = peer_cli("eval", pool, {"--json"}).out;
  REQUIRE(peer_cli("stream", pool, world().stage("code")).code == kDone);
  const std::string after = peer_cli("eval", pool, {"--json"}).out;
  const Json back = peer_cli("rollback", pool, {"--to", "base-sea", "--json"}).json();
  CHECK(peer_cli("eval", pool, {"--json"}).out == before);
  CHECK(peer_cli("rollback", pool, {"--to", back["previous"].get<std::string>()}).code == kDone);
  CHECK(peer_cli("eval", pool, {"--json"}).out == after);
  CHECK(after != before);
}

TEST_CASE("a damaged shard is named by verify, and no command computes with it") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  CHECK(peer_cli("verify", pool).code == kDone);
  const Json shown = peer_cli("show", pool, {"--json", "--pages"}).json();
  const std::string name = shown["tables"][0]["versions"][0]["content"].get<std::string>() + ".h5", shard = pool + "/shards/" + name;
  chmod(shard.c_str(), 0644);
  std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-1, std::ios::end);
  const char flipped = static_cast<char>(file.get() ^ 1);
  file.seekp(-1, std::ios::end);
  file.put(flipped);
  file.close();
  const Outcome verify = peer_cli("verify", pool, {"--json"});
  CHECK(verify.code == kCorruptData);
  CHECK(verify.json()["damage"][0]["file"].get<std::string>().ends_with(name));
  for (const std::string command : {"eval", "generate"}) {
    const Outcome refused = peer_cli(command, pool);
    CHECK(refused.code == kCorruptData);
    CHECK(refused.out.empty());
    CHECK(lacks(refused.errors, {name}) == "");
  }
}

TEST_CASE("with --json every command prints exactly one document") {
  const ScratchDirectory scratch;
  const std::string pool = world().untrained(scratch);
  const std::vector<std::pair<std::string, Words>> calls = {{"train", world().stage("sea") + Words{"--dry-run"}},
                                                            {"train", world().stage("sea")},
                                                            {"grow", {"--experts", "32"}},
                                                            {"train", world().stage("code")},
                                                            {"stream", world().stage("molecules") + Words{"--reference", "naive"}},
                                                            {"eval", {}},
                                                            {"forgetting", {}},
                                                            {"inspect", {}},
                                                            {"generate", {"--bytes", "3"}},
                                                            {"checkpoint", {"--tag", "x"}},
                                                            {"log", {}},
                                                            {"show", {}},
                                                            {"rollback", {"--to", "head~1"}},
                                                            {"verify", {}}};
  for (const auto& [command, words] : calls) {
    const Outcome outcome = peer_cli(command, pool, words + Words{"--json"});
    CAPTURE(command, outcome.out, outcome.errors);
    CHECK(outcome.code == kDone);
    CHECK(outcome.errors.empty());  // --quiet
    CHECK(Json::accept(outcome.out));
  }
}

TEST_CASE("consolidate folds the views of a range into one, prints what that cost, and refuses a range without two") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  REQUIRE(peer_cli("stream", pool, world().stage("molecules")).code == kDone);
  const std::string before = fingerprint_of(pool);
  const Words quick = {"--steps", "6", "--batch", "4", "--self-text", "2k", "--eval-batch", "4"};
  CHECK(peer_cli("consolidate", pool, Words{"g2..head"} + quick).code == kUsage);
  CHECK(peer_cli("consolidate", pool, Words{"head"} + quick).code == kUsage);
  CHECK(peer_cli("consolidate", pool, Words{"g1..head", "--max-forgetting", "0.0001"} + quick).code == kForgettingLimit);
  CHECK(peer_cli("inspect", pool, {"--json"}).json()["views"].size() == 3);
  const Json folded = peer_cli("consolidate", pool, Words{"g1..head", "--json"} + quick).json();
  CHECK(folded["folded"] == Json({"v1", "v2"}));
  CHECK(folded["costs"].size() == 3);
  CHECK(folded["parameters_after"] < folded["parameters_before"]);
  CHECK(peer_cli("inspect", pool, {"--json"}).json()["views"].size() == 2);
  CHECK(lacks(peer_cli("forgetting", pool).out, {"Folding views into v3"}) == "");
  REQUIRE(peer_cli("rollback", pool, {"--to", "g3"}).code == kDone);
  CHECK(peer_cli("inspect", pool, {"--json"}).json()["views"].size() == 3);
  CHECK(fingerprint_of(pool) != before);  // the folding stays in the history
}

TEST_CASE("eval --guess reads fewer views and never fewer bits than all of them predict") {
  const ScratchDirectory scratch;
  const std::string pool = world().streamed(scratch);
  const Json all = peer_cli("eval", pool, {"--json"}).json()["domains"],
             some = peer_cli("eval", pool, {"--guess", "0.5", "--json"}).json()["domains"];
  REQUIRE(all.size() == some.size());
  for (std::size_t d = 0; d < all.size(); ++d) {
    CHECK(all[d]["views_read"] == 2.0);
    CHECK(some[d]["views_read"] < 2.0);
    CHECK(some[d]["bits_per_byte"].get<double>() >= all[d]["bits_per_byte"].get<double>() - 1e-4);
  }
}

TEST_CASE("eval of a text scores no more than --eval-bytes, and of two texts the one that --test names") {
  const ScratchDirectory scratch;
  const std::string pool = MicroWorld::get().trained(scratch);
  std::string text;
  for (int i = 0; i < 400; ++i) text += "line " + std::to_string(i) + " of a text to be scored\n";
  scratch.write("long.txt", text),
      scratch.write("other.txt", "a short text, but two lines\nof it, so that it can be cut\n" + std::string(300, 'x') + "\n");
  const auto bytes = [&](const Words& words) {
    return peer_cli("eval", pool, words + Words{"--json"}).json()["domains"][0]["bytes"].get<int>();
  };
  CHECK(bytes({"--from", scratch / "long.txt", "--eval-bytes", "2000", "--document-bytes", "500"}) <= 2000);
  CHECK(bytes({"--from", scratch / "long.txt", "--test", scratch / "other.txt"}) ==
        static_cast<int>(read_text(scratch / "other.txt").size()));
  CHECK(bytes({"--test", scratch / "other.txt"}) == static_cast<int>(read_text(scratch / "other.txt").size()));
}
