#include "pool/file_ops.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "peer/base/error.h"
#include "pool/advice.h"

namespace peer::pool {
namespace {

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
constexpr std::int64_t kReserveBytes = std::int64_t{64} << 20;

[[noreturn]] void fail(const std::string& path, const char* attempt) {
  const int code = errno;
  throw IoError(fmt::format("{}: cannot {}: {}{}", path, attempt, std::strerror(code), advice_for(code)));
}

File open_or_fail(const std::string& path, int flags, mode_t mode, const char* attempt) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (descriptor < 0) fail(path, attempt);
  return File(descriptor, path);
}

}  // namespace

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File open_for_reading(const std::string& path) { return open_or_fail(path, O_RDONLY, 0, "open"); }
File open_for_update(const std::string& path) { return open_or_fail(path, O_RDWR, 0, "open for writing"); }
File create_sealed(const std::string& path) { return open_or_fail(path, O_RDWR | O_CREAT | O_EXCL, 0444, "create"); }
File create_or_open(const std::string& path) { return open_or_fail(path, O_RDWR | O_CREAT, 0644, "open for writing"); }

void write_all(const File& file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.descriptor(), bytes.data(), std::min(bytes.size(), kWriteBytes));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(file.path(), "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void write_at(const File& file, std::int64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file.descriptor(), bytes.data(), std::min(bytes.size(), kWriteBytes), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(file.path(), "write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += written;
  }
}

std::string read_at(const File& file, std::int64_t offset, std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::pread(file.descriptor(), bytes.data() + done, count - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(file.path(), "read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

std::int64_t size_of(const File& file) {
  struct stat info {};
  if (::fstat(file.descriptor(), &info) != 0) fail(file.path(), "read the size");
  return info.st_size;
}

void truncate(const File& file, std::int64_t size) {
  if (::ftruncate(file.descriptor(), size) != 0) fail(file.path(), "set the size");
}

void start_writing_back([[maybe_unused]] const File& file) {
#if defined(SYNC_FILE_RANGE_WRITE)
  ::sync_file_range(file.descriptor(), 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

void sync(const File& file) {
  if (::fsync(file.descriptor()) != 0) fail(file.path(), "sync to disk");
}

void sync_data(const File& file) {
  if (::fdatasync(file.descriptor()) != 0) fail(file.path(), "sync to disk");
}

void sync_directory(const std::string& path) { sync(open_or_fail(path, O_RDONLY | O_DIRECTORY, 0, "open the directory")); }

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) != 0) fail(path, "make the directory");
}

void rename_path(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail(to, "rename a finished file to this name");
}

bool remove_file(const std::string& path) noexcept { return ::unlink(path.c_str()) == 0; }

bool exists(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) fail(path, "look at");
  return false;
}

void require_writable(const std::string& directory) {
  if (::access(directory.c_str(), W_OK | X_OK) != 0) fail(directory, "make anything in this directory");
}

std::vector<std::string> list_directory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) fail(path, "list the directory");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void require_free_space(const std::string& path, std::int64_t bytes) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) fail(path, "ask for free space");
  const auto free_bytes = static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
  if (free_bytes >= bytes + kReserveBytes) return;
  throw IoError(fmt::format("{}: not enough space: {} bytes to write and {} in reserve, {} free; free some space and run the command again",
                            path, bytes, kReserveBytes, free_bytes));
}

MappedFile::MappedFile(const std::string& path) {
  const File file = open_for_reading(path);
  size_ = size_of(file);
  if (size_ == 0) return;  // an empty file cannot be mapped; its digest will tell
  void* address = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_SHARED, file.descriptor(), 0);
  if (address == MAP_FAILED) fail(path, "map");
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), static_cast<std::size_t>(size_));
}

}  // namespace peer::pool
