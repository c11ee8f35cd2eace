#include "tests/architecture/house_rules.h"

#include <cctype>
#include <functional>
#include <set>

namespace peer::architecture {
namespace {

constexpr std::size_t kMostLines = 400;

std::string at(const SourceFile& file, std::size_t line, const std::string& what) {
  return file.path + ":" + std::to_string(line) + ": " + what;
}

// "rotary_cpu" and "rotary_cuda" belong to the concept "rotary".
std::string concept_of(const std::string& stem) {
  for (const std::string& twin : {std::string("_cpu"), std::string("_cuda")})
    if (stem.ends_with(twin)) return stem.substr(0, stem.size() - twin.size());
  return stem;
}

// "rotary_backward" may be a file of its own when the op "rotary" is long.
std::string op_of(const std::string& name) {
  const std::string half = "_backward";
  return name.ends_with(half) ? name.substr(0, name.size() - half.size()) : name;
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

bool has_word(const std::string& line, const std::string& word) {
  for (std::size_t i = line.find(word); i != std::string::npos; i = line.find(word, i + 1)) {
    const bool begins = i == 0 || !is_name(line[i - 1]);
    const bool ends = i + word.size() == line.size() || !is_name(line[i + word.size()]);
    if (begins && ends) return true;
  }
  return false;
}

// What stands in `backticks` after the words "runs on the CPU only", up to the next heading.
std::set<std::string> cpu_only_ops(const SourceTree& tree) {
  std::set<std::string> names;
  const auto document = tree.find("docs/architecture.md");
  if (document == tree.end()) return names;
  bool inside = false;
  for (const std::string& line : document->second.lines) {
    if (line.find("runs on the CPU only") != std::string::npos)
      inside = true;
    else if (line.starts_with("#"))
      inside = false;
    if (!inside) continue;
    for (std::size_t open = line.find('`'); open != std::string::npos;) {
      const std::size_t close = line.find('`', open + 1);
      if (close == std::string::npos) break;
      names.insert(line.substr(open + 1, close - open - 1));
      open = line.find('`', close + 1);
    }
  }
  return names;
}

}  // namespace

Findings unresolved_includes(const SourceTree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree)
    for (const Include& include : file.quoted)
      if (!tree.contains(include.path))
        findings.push_back(
            at(file, include.line, "\"" + include.path + "\" is no file of the project; write paths from the root, libraries in <>"));
  return findings;
}

Findings include_cycles(const SourceTree& tree) {
  Findings findings;
  std::set<std::string> done;
  std::vector<std::string> trail;  // the files being visited, outermost first
  const std::function<void(const std::string&)> visit = [&](const std::string& path) {
    if (done.contains(path) || !tree.contains(path)) return;
    for (std::size_t i = 0; i < trail.size(); ++i) {
      if (trail[i] != path) continue;
      std::string ring;
      for (std::size_t j = i; j < trail.size(); ++j) ring += trail[j] + " -> ";
      findings.push_back("include cycle: " + ring + path);
      return;
    }
    trail.push_back(path);
    for (const Include& include : tree.at(path).quoted) visit(include.path);
    trail.pop_back();
    done.insert(path);
  };
  for (const auto& [path, file] : tree) visit(path);
  return findings;
}

Findings incomplete_ops(const SourceTree& tree) {
  Findings findings;
  const std::string room = "peer/ops/";
  const std::set<std::string> cpu_only = cpu_only_ops(tree);
  bool any_cuda = false;
  for (const auto& [path, file] : tree) any_cuda |= path.starts_with(room) && path.ends_with("_cuda.cu");

  for (const auto& [path, file] : tree) {
    if (!path.starts_with(room)) continue;
    const std::string stem = stem_of(path), name = concept_of(stem);
    if (stem != name && !tree.contains(room + op_of(name) + ".h"))
      findings.push_back(at(file, 1, "a twin without its op " + room + op_of(name) + ".h"));
    if (!file.is_header() || !tree.contains(room + stem + ".cpp")) continue;
    for (const std::string& needed : {room + stem + "_cpu.cpp", "tests/ops/" + stem + "_test.cpp"})
      if (!tree.contains(needed)) findings.push_back(at(file, 1, "an op without " + needed));
    const bool has_cuda = tree.contains(room + stem + "_cuda.cu");
    if (any_cuda && !has_cuda && !cpu_only.contains(stem))
      findings.push_back(at(file, 1, "an op without " + room + stem + "_cuda.cu that docs/architecture.md does not list as CPU only"));
    if (has_cuda && cpu_only.contains(stem))
      findings.push_back(at(file, 1, "docs/architecture.md lists it as CPU only, but it has a CUDA twin"));
  }
  return findings;
}

Findings long_files(const SourceTree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree)
    if (file.lines.size() > kMostLines)
      findings.push_back(at(file, kMostLines + 1, std::to_string(file.lines.size()) + " lines; at most 400"));
  return findings;
}

Findings shared_stems(const SourceTree& tree) {
  std::map<std::string, std::set<std::string>> folders;
  for (const auto& [path, file] : tree)
    if (file.is_code()) folders[concept_of(stem_of(path))].insert(folder_of(path));
  folders.erase("main");
  Findings findings;
  for (const auto& [stem, where] : folders) {
    if (where.size() == 1) continue;
    std::string list;
    for (const std::string& folder : where) list += (list.empty() ? "" : ", ") + folder;
    findings.push_back("stem '" + stem + "' is used in several folders: " + list);
  }
  return findings;
}

Findings unguarded_headers(const SourceTree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree) {
    if (!file.is_header()) continue;
    std::size_t i = 0;
    while (i < file.lines.size() && (file.lines[i].empty() || file.lines[i].starts_with("//"))) ++i;
    if (i == file.lines.size() || file.lines[i] != "#pragma once") findings.push_back(at(file, i + 1, "expected #pragma once here"));
  }
  return findings;
}

Findings unfinished_words(const SourceTree& tree) {
  // Written in two pieces, so that this file keeps its own rule.
  const std::string words[] = {
      "TO"
      "DO",
      "FIX"
      "ME",
      "XX"
      "X"};
  Findings findings;
  for (const auto& [path, file] : tree)
    for (std::size_t i = 0; i < file.lines.size(); ++i)
      for (const std::string& word : words)
        if (has_word(file.lines[i], word)) findings.push_back(at(file, i + 1, "'" + word + "': do it now, or open an issue"));
  return findings;
}

}  // namespace peer::architecture
