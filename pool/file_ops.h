// Every system call that changes a pool's files: the one seam at which faults are injected. Failures are IoErrors that name the file,
// what was attempted, what the system said, and what to try.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace peer::pool {

// An open file descriptor, closed at the end of its scope. Move-only.
class File {
 public:
  File() = default;
  File(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(path_, other.path_);
    return *this;
  }
  ~File();
  int descriptor() const { return descriptor_; }
  const std::string& path() const { return path_; }

 private:
  int descriptor_ = -1;
  std::string path_;
};

File open_for_reading(const std::string& path);
File open_for_update(const std::string& path);  // must exist
File create_sealed(const std::string& path);    // O_EXCL, mode 0444: writable through this descriptor alone
File create_or_open(const std::string& path);   // for LOCK

// At most 1 MiB a call, continued after short writes.
void write_all(const File& file, std::span<const std::byte> bytes);
void write_at(const File& file, std::int64_t offset, std::span<const std::byte> bytes);
// Up to `count` bytes; fewer at the end of the file.
std::string read_at(const File& file, std::int64_t offset, std::size_t count);
std::int64_t size_of(const File& file);
void truncate(const File& file, std::int64_t size);

void start_writing_back(const File& file);  // a hint: so that a later sync finds most of it on the disk
void sync(const File& file);                // fsync
void sync_data(const File& file);           // fdatasync
void sync_directory(const std::string& path);
void make_directory(const std::string& path);
void rename_path(const std::string& from, const std::string& to);
bool remove_file(const std::string& path) noexcept;  // false when it could not be removed

bool exists(const std::string& path);  // IoError when the system will not say, as in a directory without permission
std::vector<std::string> list_directory(const std::string& path);  // names, sorted
// IoError unless this process may make files in the directory.
void require_writable(const std::string& directory);
// IoError unless the file system of `path` has room for `bytes` and 64 MiB more, so that the catalogue can still be written.
void require_free_space(const std::string& path, std::int64_t bytes);

// A whole file, mapped read-only.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();
  const std::byte* data() const { return data_; }
  std::int64_t size() const { return size_; }

 private:
  const std::byte* data_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace peer::pool
