// The built program on micro pools: how the tests of model commands run it.
#pragma once

#include <string>

#include "pool/pool.h"
#include "tests/cli/micro_pool.h"
#include "tests/cli/run_cli.h"
#include "tests/support/domain_text.h"

namespace peer::cli {

inline std::string quoted(const Words& words) {
  std::string line;
  for (const std::string& word : words) line += " '" + word + "'";
  return line;
}

// `command` POOL `words`, as a process of its own.
inline Outcome peer_cli(const std::string& command, const std::string& pool, const Words& words = {}) {
  return run_shell("\"$PEER\"" + quoted(Words{command, pool} + words + kMicroCommon));
}

// Three corpora, and pools after `init`, `train` on the first and `stream` of the second. Made once: tests copy what they change.
class MicroWorld {
 public:
  static const MicroWorld& get() {
    static const MicroWorld world;
    return world;
  }
  // The flags of a stage that learns "sea", "code" or "molecules".
  Words stage(const std::string& domain) const { return Words{"--domain", domain, "--from", scratch_ / domain + ".txt"} + kMicroStage; }
  std::string text(const std::string& domain) const { return scratch_ / domain + ".txt"; }
  std::string untrained(const ScratchDirectory& to) const { return copy("untrained", to); }
  std::string trained(const ScratchDirectory& to) const { return copy("trained", to); }
  std::string streamed(const ScratchDirectory& to) const { return copy("streamed", to); }

 private:
  MicroWorld() {
    scratch_.write("sea.txt", test::domain_text(0, 60));
    scratch_.write("code.txt", test::domain_text(1, 60));
    scratch_.write("molecules.txt", test::domain_text(2, 60));
    must(peer_cli("init", scratch_ / "untrained", kMicroModel));
    clone("untrained", "trained");
    must(peer_cli("train", scratch_ / "trained", stage("sea")));
    clone("trained", "streamed");
    must(peer_cli("stream", scratch_ / "streamed", stage("code")));
  }
  static void must(const Outcome& outcome) {
    if (outcome.code != 0) throw std::runtime_error(outcome.errors);
  }
  void clone(const std::string& from, const std::string& to) const {
    std::filesystem::copy(scratch_ / from, scratch_ / to, std::filesystem::copy_options::recursive);
  }
  std::string copy(const std::string& name, const ScratchDirectory& to) const {
    std::filesystem::copy(scratch_ / name, to / name, std::filesystem::copy_options::recursive);
    return to / name;
  }
  ScratchDirectory scratch_;
};

// What a command must leave alone when it fails: every generation and every ref, by content.
inline std::string fingerprint_of(const std::string& path) {
  const pool::Pool pool = pool::Pool::open(path, pool::Access::kRead);
  std::string text;
  for (const GenerationId id : pool.generations()) text += to_hex(pool.generation(id).content) + '\n';
  for (const auto& [name, id] : pool.refs()) text += name + " g" + std::to_string(id.value) + '\n';
  return text;
}

inline Digest head_content(const std::string& path) {
  const pool::Pool pool = pool::Pool::open(path, pool::Access::kRead);
  return pool.generation(pool.resolve("head")).content;
}

}  // namespace peer::cli
