#include "streams/byte_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "peer/base/error.h"

namespace peer::streams {
namespace {

class FileReader final : public ByteReader {
 public:
  explicit FileReader(const std::string& path) : name_(path == "-" ? "stdin" : path) {
    descriptor_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail();
  }
  ~FileReader() override {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
  }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  std::size_t read(char* to, std::size_t room) override {
    for (;;) {
      const ssize_t got = ::read(descriptor_, to, room);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) fail();
    }
  }

 private:
  [[noreturn]] void fail() const { throw CorpusError(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno))); }

  std::string name_;
  int descriptor_ = -1;
};

}  // namespace

std::unique_ptr<ByteReader> open_file(const std::string& path) { return std::make_unique<FileReader>(path); }

}  // namespace peer::streams
