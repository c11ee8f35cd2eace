// A file mapped read-only, as the pool maps its pages, which can be thrown out of memory.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace peer::test {

class EvictableFile {
 public:
  // Maps what is at `path` and takes it off the disk with the object.
  explicit EvictableFile(const std::string& path) : path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) throw std::runtime_error(path + ": cannot be read");
    size_ = lseek(file_, 0, SEEK_END);
    fsync(file_);
    map();
  }
  ~EvictableFile() {
    munmap(data_, bytes());
    close(file_);
    unlink(path_.c_str());
  }
  EvictableFile(const EvictableFile&) = delete;

  const std::byte* data() const { return static_cast<const std::byte*>(data_); }
  std::int64_t size() const { return size_; }
  std::int64_t pages() const { return (size_ + kPage - 1) / kPage; }

  // Nothing of it is in memory afterwards, unless the file system keeps it. The mapping stays where it is.
  void evict() {
    munmap(data_, bytes());
    posix_fadvise(file_, 0, 0, POSIX_FADV_DONTNEED);
    map();
  }
  // By the system's page.
  std::vector<unsigned char> in_memory() const {
    std::vector<unsigned char> there(static_cast<std::size_t>(pages()));
    if (mincore(data_, bytes(), there.data()) != 0) throw std::runtime_error(path_ + ": what is in memory cannot be asked");
    for (unsigned char& page : there) page &= 1;
    return there;
  }

  static constexpr std::int64_t kPage = 4096;

 private:
  std::size_t bytes() const { return static_cast<std::size_t>(size_); }
  void map() {
    data_ = mmap(data_, bytes(), PROT_READ, MAP_SHARED | (data_ != nullptr ? MAP_FIXED : 0), file_, 0);
    if (data_ == MAP_FAILED) throw std::runtime_error(path_ + ": cannot be mapped");
  }

  std::string path_;
  int file_;
  std::int64_t size_ = 0;
  void* data_ = nullptr;
};

}  // namespace peer::test
