// Files and directories that this process may not use: the line names them and the refusal, and nothing is called damaged.
#include <sys/stat.h>
#include <unistd.h>

#include "cli/exit_code.h"
#include "pool/pool.h"
#include "tests/cli/lacks.h"
#include "tests/cli/run_cli.h"
#include "tests/support/catch.h"

using namespace peer::cli;

namespace {

// Root may read everything: without the two rights that say so it is a user like any other.
Outcome run_as_user(const std::string& words) {
  const std::string drop = ::geteuid() == 0 ? "setpriv --bounding-set -dac_override,-dac_read_search " : "";
  return run_shell("exec " + drop + "\"$PEER\" " + words);
}

struct OnePage {
  ScratchDirectory scratch;
  std::string path = scratch / "pool", page, trunk;

  OnePage() {
    peer::pool::Pool pool = peer::pool::Pool::create(path);
    const std::vector<float> rows(8, 1);
    peer::pool::Transaction transaction = pool.begin({});
    transaction.set_table({0}, {.width = 2, .rows_per_page = 2, .state_floats = 0}, 2);
    transaction.put_page({0}, {0}, rows);
    transaction.put_trunk("base", {{"weight", {2, 2}, rows.data()}});
    transaction.commit("head", "one page");
    page = only_file(path + "/shards"), trunk = only_file(path + "/trunk");
  }
  static std::string only_file(const std::string& folder) { return std::filesystem::directory_iterator(folder)->path().string(); }
};

}  // namespace

TEST_CASE("verify says of a file that it may not read that it could not be read, not that it is damaged") {
  const OnePage pool;
  REQUIRE(::chmod(pool.page.c_str(), 0) == 0);
  const Outcome text = run_as_user("verify '" + pool.path + "'");
  CHECK(text.code == kFailure);
  CHECK(lacks(text.out, {"could not be read: " + pool.page + ": cannot open: Permission denied", "not checked: 1 refusal"}) == "");
  CHECK(text.out.find("damaged") == std::string::npos);
  const Json document = run_as_user("verify --json '" + pool.path + "'").json();
  CHECK(document["ok"] == false);
  CHECK(document["damage"].empty());
  CHECK(document["unread"].size() == 1);

  // Damage elsewhere is still found, and decides.
  REQUIRE(::chmod(pool.trunk.c_str(), 0644) == 0);
  std::filesystem::resize_file(pool.trunk, 100);
  const Outcome both = run_as_user("verify '" + pool.path + "'");
  CHECK(both.code == kCorruptData);
  CHECK(lacks(both.out, {"could not be read: " + pool.page, "damaged: 1 problem", "expected"}) == "");
}

TEST_CASE("a pool whose directory may not be searched is refused for that, not for what it seems to lack") {
  const OnePage pool;
  for (const std::string part : {"", "/catalogue", "/HEAD2"}) {
    REQUIRE(::chmod((pool.path + part).c_str(), 0) == 0);
    for (const std::string command : {"log", "verify"}) {
      const Outcome outcome = run_as_user(command + " '" + pool.path + "'");
      CAPTURE(part, command, outcome.errors);
      CHECK(outcome.code == kFailure);
      CHECK(lacks(outcome.errors, {pool.path + part, "Permission denied", "check who owns it"}) == "");
    }
    REQUIRE(::chmod((pool.path + part).c_str(), 0755) == 0);
  }
}

TEST_CASE("init where nothing may be made names the directory and the refusal") {
  const ScratchDirectory scratch;
  const std::string folder = scratch / "forbidden";
  std::filesystem::create_directory(folder);
  REQUIRE(::chmod(folder.c_str(), 0555) == 0);
  const Outcome outcome = run_as_user("init '" + folder + "/pool' --quiet");
  CHECK(outcome.code == kFailure);
  CHECK(lacks(outcome.errors, {folder + ": cannot make anything in this directory: Permission denied"}) == "");
  CHECK(outcome.errors.find("tmp-") == std::string::npos);
  CHECK(std::filesystem::is_empty(folder));
}
