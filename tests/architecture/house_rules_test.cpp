// The rules can fail: each finds what is planted for it in a small tree, and nothing in the sound tree beside it.
#include "tests/architecture/house_rules.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/catch.h"

using namespace peer::architecture;

namespace {

namespace fs = std::filesystem;

// A small house that keeps every rule, in a folder of its own that is removed at the end.
class PlantedTree {
 public:
  PlantedTree() {
    std::string pattern = (fs::temp_directory_path() / "peer_architecture_XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
    plant("peer/base/ids.h", "// Ids.\n#pragma once\n#include <cstdint>\n");
    plant("peer/ops/turn.h", "#pragma once\n#include \"peer/base/ids.h\"\n");
    plant("peer/ops/turn.cpp", "#include \"peer/ops/turn.h\"\n");
    plant("peer/ops/turn_cpu.cpp", "#include \"peer/ops/turn.h\"\n");
    plant("tests/ops/turn_test.cpp", "#include \"peer/ops/turn.h\"\n#include \"tests/support/catch.h\"\n");
    plant("tests/support/catch.h", "#pragma once\n");
    plant("pool/commit.h", "#pragma once\n#include \"peer/base/ids.h\"\n");
    plant("trainer/stage.h", "#pragma once\n#include \"peer/ops/turn.h\"\n#include \"pool/commit.h\"\n");
    plant("cli/main.cpp", "#include \"trainer/stage.h\"\n");
    plant("tests/support/main.cpp", "");
  }
  ~PlantedTree() { fs::remove_all(root_); }

  void plant(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void uproot(const std::string& path) { fs::remove(root_ / path); }
  SourceTree read() const { return read_source_tree(root_); }

 private:
  fs::path root_;
};

// Exactly one finding, and it names `what`.
bool finds(const Findings& findings, const std::string& what) {
  for (const std::string& finding : findings) UNSCOPED_INFO(finding);
  return findings.size() == 1 && findings[0].find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a house that keeps the rules has no findings") {
  const PlantedTree planted;
  const SourceTree tree = planted.read();
  CHECK(tree.size() == 10);
  for (const auto& rule :
       {wrong_arrows, unresolved_includes, include_cycles, incomplete_ops, long_files, shared_stems, unguarded_headers, unfinished_words})
    CHECK(rule(tree).empty());
}

TEST_CASE("an include against the arrows is found") {
  PlantedTree planted;
  SECTION("upwards") {
    planted.plant("peer/base/up.h", "#pragma once\n\n#include \"peer/ops/turn.h\"\n");
    CHECK(finds(wrong_arrows(planted.read()), "peer/base/up.h:3: peer/base must not include peer/ops/turn.h"));
  }
  SECTION("across, from the pool to the model's side") {
    planted.plant("pool/peek.cpp", "#include \"peer/ops/turn.h\"\n");
    CHECK(finds(wrong_arrows(planted.read()), "pool must not include peer/ops/turn.h"));
  }
  SECTION("across, from the model's side to the pool") {
    planted.plant("peer/ops/peek.h", "#pragma once\n#include \"pool/commit.h\"\n");
    CHECK(finds(wrong_arrows(planted.read()), "peer/ops must not include pool/commit.h"));
  }
  SECTION("in angle brackets") {
    planted.plant("pool/peek.cpp", "#  include <trainer/stage.h>\n");
    CHECK(finds(wrong_arrows(planted.read()), "pool must not include trainer/stage.h"));
  }
  SECTION("of a test by the project") {
    planted.plant("pool/peek.cpp", "#include \"tests/support/catch.h\"\n");
    CHECK(finds(wrong_arrows(planted.read()), "pool must not include tests/support/catch.h"));
  }
  SECTION("in a test, from one room to a room above") {
    planted.plant("tests/pool/commit_test.cpp", "#include \"trainer/stage.h\"\n");
    CHECK(finds(wrong_arrows(planted.read()), "a test of pool must not include trainer/stage.h"));
  }
  SECTION("from a room to a room within it, which its tests may include") {
    planted.plant("tests/trainer/look_test.cpp", "#include \"trainer/report/page.h\"\n");
    CHECK(wrong_arrows(planted.read()).empty());
    planted.plant("trainer/look.cpp", "#include \"trainer/report/page.h\"\n");
    CHECK(finds(wrong_arrows(planted.read()), "trainer must not include trainer/report/page.h"));
  }
  SECTION("or a folder that is no room") {
    planted.plant("peer/attic/box.h", "#pragma once\n");
    CHECK(finds(wrong_arrows(planted.read()), "peer/attic/box.h:1: lies in no room"));
  }
}

TEST_CASE("a quoted include that is not a path from the root is found") {
  PlantedTree planted;
  planted.plant("pool/peek.cpp", "#include \"commit.h\"\n");
  CHECK(finds(unresolved_includes(planted.read()), "pool/peek.cpp:1: \"commit.h\" is no file"));
}

TEST_CASE("a ring of includes is found once") {
  PlantedTree planted;
  planted.plant("pool/one.h", "#pragma once\n#include \"pool/two.h\"\n");
  planted.plant("pool/two.h", "#pragma once\n#include \"pool/three.h\"\n");
  planted.plant("pool/three.h", "#pragma once\n#include \"pool/one.h\"\n");
  CHECK(finds(include_cycles(planted.read()), "pool/one.h -> pool/two.h -> pool/three.h -> pool/one.h"));
}

TEST_CASE("an incomplete op is found") {
  PlantedTree planted;
  SECTION("without its CPU twin") {
    planted.uproot("peer/ops/turn_cpu.cpp");
    CHECK(finds(incomplete_ops(planted.read()), "an op without peer/ops/turn_cpu.cpp"));
  }
  SECTION("without its test") {
    planted.uproot("tests/ops/turn_test.cpp");
    CHECK(finds(incomplete_ops(planted.read()), "an op without tests/ops/turn_test.cpp"));
  }
  SECTION("but not one whose backward is a file of its own") {
    planted.plant("peer/ops/turn_backward_cpu.cpp", "");
    CHECK(incomplete_ops(planted.read()).empty());
  }
  SECTION("a twin without its op") {
    planted.plant("peer/ops/lost_cpu.cpp", "");
    CHECK(finds(incomplete_ops(planted.read()), "peer/ops/lost_cpu.cpp:1: a twin without its op"));
  }
}

TEST_CASE("once there is a CUDA twin, every op has one or is listed as CPU only") {
  PlantedTree planted;
  for (const std::string& name : {std::string("flip.h"), std::string("flip.cpp"), std::string("flip_cpu.cpp"), std::string("flip_cuda.cu")})
    planted.plant("peer/ops/" + name, "#pragma once\n");
  planted.plant("tests/ops/flip_test.cpp", "");
  CHECK(finds(incomplete_ops(planted.read()), "an op without peer/ops/turn_cuda.cu"));

  planted.plant("docs/architecture.md", "## What runs on the CPU only\n| `turn` | why |\n## Else\n`flip`\n");
  CHECK(incomplete_ops(planted.read()).empty());

  planted.plant("docs/architecture.md", "What runs on the CPU only: `turn` and `flip`.\n");
  CHECK(finds(incomplete_ops(planted.read()), "flip.h:1: docs/architecture.md lists it as CPU only"));
}

TEST_CASE("a file of 401 lines is found, one of 400 is not") {
  PlantedTree planted;
  planted.plant("pool/long.cpp", std::string(400, '\n'));
  CHECK(long_files(planted.read()).empty());
  planted.plant("pool/long.cpp", std::string(401, '\n'));
  CHECK(finds(long_files(planted.read()), "pool/long.cpp:401: 401 lines"));
}

TEST_CASE("a stem in two folders is found") {
  PlantedTree planted;
  planted.plant("streams/commit.cpp", "");
  CHECK(finds(shared_stems(planted.read()), "stem 'commit' is used in several folders: pool, streams"));
}

TEST_CASE("a header without #pragma once at its head is found") {
  PlantedTree planted;
  SECTION("none at all") { planted.plant("pool/bare.h", "// About it.\nstruct Bare {};\n"); }
  SECTION("after an include") { planted.plant("pool/bare.h", "// About it.\n#include <string>\n#pragma once\n"); }
  CHECK(finds(unguarded_headers(planted.read()), "pool/bare.h:2: expected #pragma once"));
}

TEST_CASE("a note to self is found as a word, not inside one") {
  PlantedTree planted;
  planted.plant("pool/note.cpp", std::string("int x;\n// TO") + "DO: later\n");
  planted.plant("pool/name.cpp", std::string("int TO") + "DO_COUNT;\n");
  CHECK(finds(unfinished_words(planted.read()), "pool/note.cpp:2"));
}
