#include "pool/staged_files.h"

#include <unistd.h>

#include <atomic>

namespace peer::pool {
namespace {

std::string next_temporary_name() {
  static std::atomic<std::int64_t> number{0};
  return temporary_name(::getpid(), number++);
}

}  // namespace

StagedFiles::~StagedFiles() {
  for (const auto& [name, path] : temporary_) remove_file(path);
}

StagedFiles::Added StagedFiles::add(SealedKind kind, std::span<const std::byte> bytes) {
  const SealedName name{kind, digest_of(bytes.data(), bytes.size())};
  if (temporary_.contains(name) || sealed_->holds(name)) return {name.digest, false};
  const std::string directory = join(pool_path_, directory_of(kind));
  require_free_space(directory, static_cast<std::int64_t>(bytes.size()));
  const std::string path = join(directory, next_temporary_name());
  const File file = create_sealed(path);
  temporary_.emplace(name, path);
  write_all(file, bytes);
  start_writing_back(file);
  files_written_ += 1;
  bytes_written_ += static_cast<std::int64_t>(bytes.size());
  return {name.digest, true};
}

void StagedFiles::sync() {
  for (const auto& [name, path] : temporary_) pool::sync(open_for_reading(path));
}

void StagedFiles::publish() {
  for (const auto& [name, path] : temporary_) rename_path(path, sealed_->path_of(name));
  temporary_.clear();
  // Also when nothing was renamed: a file that was found may have got its name from a process that died before this line.
  for (const std::string_view directory : {kShardsDirectory, kTrunkDirectory}) sync_directory(join(pool_path_, directory));
}

}  // namespace peer::pool
