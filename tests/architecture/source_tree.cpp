#include "tests/architecture/source_tree.h"

#include <fstream>

namespace peer::architecture {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolders[] = {"peer", "pool", "streams", "trainer", "cli", "tests"};
constexpr const char* kCpuOnlyTable = "docs/architecture.md";

bool is_source(const fs::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".h" || extension == ".cpp" || extension == ".cu" || extension == ".cuh" || extension == ".sh" ||
         file.filename() == "CMakeLists.txt";
}

// The path between the delimiters of an #include line; empty when the line is none.
std::string included(const std::string& line, char open, char close) {
  const std::size_t hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return "";
  const std::size_t word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) return "";
  const std::size_t begin = line.find_first_not_of(" \t", word + 7);
  if (begin == std::string::npos || line[begin] != open) return "";
  const std::size_t end = line.find(close, begin + 1);
  return end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

SourceFile read_file(const fs::path& root, const fs::path& file) {
  SourceFile source;
  source.path = file.lexically_relative(root).generic_string();
  std::ifstream in(file);
  int number = 0;
  for (std::string line; std::getline(in, line); source.lines.push_back(line)) {
    ++number;
    if (std::string path = included(line, '"', '"'); !path.empty()) source.quoted.push_back({path, number});
    if (std::string path = included(line, '<', '>'); !path.empty()) source.angled.push_back({path, number});
  }
  return source;
}

}  // namespace

SourceTree read_source_tree(const fs::path& root) {
  SourceTree tree;
  const auto add = [&](const fs::path& file) {
    SourceFile source = read_file(root, file);
    tree.emplace(source.path, source);
  };
  for (const char* folder : kFolders) {
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder))
      if (entry.is_regular_file() && is_source(entry.path())) add(entry.path());
  }
  if (fs::exists(root / kCpuOnlyTable)) add(root / kCpuOnlyTable);
  return tree;
}

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().generic_string(); }
std::string stem_of(const std::string& path) { return fs::path(path).stem().string(); }

}  // namespace peer::architecture
