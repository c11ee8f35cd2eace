// The project's sources as the architecture rules see them: lines, and who includes whom.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace peer::architecture {

struct Include {
  std::string path;
  int line = 0;
};

struct SourceFile {
  std::string path;  // from the root, with forward slashes
  std::vector<std::string> lines;
  std::vector<Include> quoted;  // #include "..."
  std::vector<Include> angled;  // #include <...>

  bool is_header() const { return path.ends_with(".h") || path.ends_with(".cuh"); }  // .cuh needs the CUDA toolkit
  bool is_code() const { return is_header() || path.ends_with(".cpp") || path.ends_with(".cu"); }
};

// By path. Holds .h, .cpp, .cu, .cuh, .sh and CMakeLists.txt of the source folders, and docs/architecture.md.
using SourceTree = std::map<std::string, SourceFile>;

SourceTree read_source_tree(const std::filesystem::path& root);

// "peer/ops/rotary_cpu.cpp" -> folder "peer/ops", stem "rotary_cpu".
std::string folder_of(const std::string& path);
std::string stem_of(const std::string& path);

}  // namespace peer::architecture
