// The project keeps its own rules. PEER_SOURCE_DIR is the root of the checkout.
#include "tests/architecture/house_rules.h"
#include "tests/support/catch.h"

using namespace peer::architecture;

namespace {

std::string listed(const Findings& findings) {
  std::string text;
  for (const std::string& finding : findings) text += "\n  " + finding;
  return text;
}

const SourceTree& project() {
  static const SourceTree tree = read_source_tree(PEER_SOURCE_DIR);
  return tree;
}

}  // namespace

TEST_CASE("the project's sources are found") { REQUIRE(project().contains("peer/base/error.h")); }
TEST_CASE("includes follow the arrows of the house") { CHECK(listed(wrong_arrows(project())) == ""); }
TEST_CASE("quoted includes name files of the project from the root") { CHECK(listed(unresolved_includes(project())) == ""); }
TEST_CASE("no files include each other in a ring") { CHECK(listed(include_cycles(project())) == ""); }
TEST_CASE("every op has its twins and its test") { CHECK(listed(incomplete_ops(project())) == ""); }
TEST_CASE("no file is longer than 400 lines") { CHECK(listed(long_files(project())) == ""); }
TEST_CASE("a stem names one concept in one folder") { CHECK(listed(shared_stems(project())) == ""); }
TEST_CASE("every header begins with #pragma once") { CHECK(listed(unguarded_headers(project())) == ""); }
TEST_CASE("nothing is left to do in the sources") { CHECK(listed(unfinished_words(project())) == ""); }
