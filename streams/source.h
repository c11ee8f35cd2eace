#pragma once

#include <string>
#include <vector>

namespace peer::streams {

// One file to read, and whether the user named it (then it must be good) or a directory held it (then it may be passed over).
struct SourceFile {
  std::string path;  // "-": stdin
  bool named = false;
};

// `paths` as files, in the order of their paths whatever the order of `paths`: files and pipes as they are, of directories every
// regular file below them whose name matches `glob`. As in a shell, a name that starts with a dot matches no wildcard; symbolic links
// are followed; what is reached twice is listed once. A directory that cannot be listed stands for itself: reading it says why.
// CorpusError for a path that does not exist or a directory without a match.
std::vector<SourceFile> list_files(const std::vector<std::string>& paths, const std::string& glob);

}  // namespace peer::streams
