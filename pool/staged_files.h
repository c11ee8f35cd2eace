// Files on their way to being sealed: steps 2 to 5 of a commit.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "pool/sealed_files.h"

namespace peer::pool {

class StagedFiles {
 public:
  StagedFiles(std::string pool_path, SealedFiles& sealed) : pool_path_(std::move(pool_path)), sealed_(&sealed) {}
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;
  ~StagedFiles();  // removes what was not published

  // Step 2. Writes the bytes to a temporary file, or nothing when a sealed or staged file has them already.
  struct Added {
    Digest digest;
    bool written = false;
  };
  Added add(SealedKind kind, std::span<const std::byte> bytes);
  void sync();     // step 3: fsync of all, after all are written. After a failure nothing staged is used again.
  void publish();  // steps 4 and 5: rename to the digest's name, then fsync the directories

  std::int64_t files_written() const { return files_written_; }
  std::int64_t bytes_written() const { return bytes_written_; }

 private:
  std::string pool_path_;
  SealedFiles* sealed_;
  std::map<SealedName, std::string> temporary_;  // path of the temporary file
  std::int64_t files_written_ = 0, bytes_written_ = 0;
};

}  // namespace peer::pool
