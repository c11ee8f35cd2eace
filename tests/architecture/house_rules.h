// The rules of the house that a machine can check. Each returns what breaks it, one "path:line: what" a finding; nothing when kept.
#pragma once

#include <string>
#include <vector>

#include "tests/architecture/source_tree.h"

namespace peer::architecture {

using Findings = std::vector<std::string>;

// A room includes only itself and the rooms that its arrows reach; a test folder what its room may, and other test folders; nothing
// outside tests includes a test.
Findings wrong_arrows(const SourceTree& tree);

// #include "..." names a file of the project by its path from the root: anything else would hide an arrow.
Findings unresolved_includes(const SourceTree& tree);

// Files that include each other in a ring, each ring once.
Findings include_cycles(const SourceTree& tree);

// An op (peer/ops/x.h with x.cpp) has x_cpu.cpp and tests/ops/x_test.cpp. Once the first CUDA twin exists, it also has x_cuda.cu or is
// named after the words "runs on the CPU only" in docs/architecture.md. A twin has its op.
Findings incomplete_ops(const SourceTree& tree);

// No file has more than 400 lines.
Findings long_files(const SourceTree& tree);

// A stem is one concept: its .h, .cpp, _cpu and _cuda files lie in one folder. (main is the one name that tradition repeats.)
Findings shared_stems(const SourceTree& tree);

// Every header begins with #pragma once, after its comment.
Findings unguarded_headers(const SourceTree& tree);

// No note to self is left behind.
Findings unfinished_words(const SourceTree& tree);

}  // namespace peer::architecture
