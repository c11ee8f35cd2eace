#include "streams/source.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "peer/base/error.h"
#include "peer/base/nearest_name.h"

namespace peer::streams {
namespace {

namespace fs = std::filesystem;

// Names differ, a file does not: two links to one inode are one file.
using Inode = std::pair<dev_t, ino_t>;

struct Entry {
  SourceFile file;
  Inode inode;
};

std::vector<std::string> names_in(const fs::path& directory, std::error_code& error) {
  std::vector<std::string> names;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class DirectoryWalk {
 public:
  DirectoryWalk(const std::string& glob, std::vector<Entry>& entries) : glob_(glob), entries_(entries) {}

  void enter(const std::string& directory, const Inode& inode) {
    if (!entered_.insert(inode).second) return;  // a link back up would never end
    std::error_code error;
    const auto names = names_in(directory, error);
    if (error) entries_.push_back({{directory}, inode});
    for (const auto& name : names) visit(directory, name);
  }

 private:
  void visit(const std::string& directory, const std::string& name) {
    const std::string path = directory.ends_with('/') ? directory + name : directory + '/' + name;
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return;  // a dangling link
    const Inode inode{status.st_dev, status.st_ino};
    if (S_ISDIR(status.st_mode) && !name.starts_with('.')) enter(path, inode);
    if (S_ISREG(status.st_mode) && ::fnmatch(glob_.c_str(), name.c_str(), FNM_PERIOD) == 0) entries_.push_back({{path}, inode});
  }

  const std::string& glob_;
  std::vector<Entry>& entries_;
  std::set<Inode> entered_;
};

[[noreturn]] void fail_missing(const std::string& path) {
  const int why = errno;
  const fs::path parent = fs::path(path).parent_path();
  if (const fs::path name = fs::path(path).filename(); path.find_first_of("*?[") != path.npos)
    throw CorpusError(fmt::format("{}: no such file; of a directory, --glob chooses: --from DIRECTORY --glob '{}'", path, name.string()));
  std::error_code ignored;
  const auto siblings = names_in(parent.empty() ? "." : parent, ignored);
  throw CorpusError(
      fmt::format("{}: cannot be read: {}{}", path, std::strerror(why), did_you_mean(fs::path(path).filename().string(), siblings)));
}

void add_path(const std::string& path, const std::string& glob, std::vector<Entry>& entries) {
  if (path == "-") return entries.push_back({{path, true}, {}});
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) fail_missing(path);
  const Inode inode{status.st_dev, status.st_ino};
  if (!S_ISDIR(status.st_mode)) return entries.push_back({{path, true}, inode});
  const std::size_t before = entries.size();
  DirectoryWalk(glob, entries).enter(path, inode);
  if (entries.size() == before) throw CorpusError(fmt::format("{}: no file below this directory matches --glob '{}'", path, glob));
}

}  // namespace

std::vector<SourceFile> list_files(const std::vector<std::string>& paths, const std::string& glob) {
  std::vector<Entry> entries;
  for (const auto& path : paths) add_path(path, glob, entries);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.file.path < b.file.path; });
  std::vector<SourceFile> files;
  std::map<Inode, std::size_t> position;
  for (const auto& entry : entries) {
    const auto [known, is_first] = position.emplace(entry.inode, files.size());
    if (is_first) files.push_back(entry.file);
    files[known->second].named |= entry.file.named;
  }
  return files;
}

}  // namespace peer::streams
