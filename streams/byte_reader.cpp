#include "streams/byte_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "peer/base/error.h"
#include "streams/reading.h"

namespace peer::streams {
namespace {

class FileReader final : public ByteReader {
 public:
  // Without O_NONBLOCK the opening of a named pipe waits for its writer, and nobody could stop it.
  FileReader(const std::string& path, const std::atomic<bool>* stop) : name_(path == "-" ? "stdin" : path), stop_(stop) {
    descriptor_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) fail();
  }
  ~FileReader() override {
    if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
  }
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  std::size_t read(char* to, std::size_t room) override {
    for (;;) {
      wait();
      const ssize_t got = ::read(descriptor_, to, room);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR && errno != EAGAIN) fail();
    }
  }

 private:
  // Until there is something to read, or the end.
  void wait() const {
    constexpr int kForever = -1, kLookEvery_ms = 100;
    for (pollfd ready{descriptor_, POLLIN, 0};;) {
      check_stop(stop_);
      if (::poll(&ready, 1, stop_ != nullptr ? kLookEvery_ms : kForever) != 0) return;  // of an error `read` knows more
    }
  }

  [[noreturn]] void fail() const { throw CorpusError(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno))); }

  std::string name_;
  const std::atomic<bool>* stop_;
  int descriptor_ = -1;
};

}  // namespace

std::unique_ptr<ByteReader> open_file(const std::string& path, const std::atomic<bool>* stop) {
  return std::make_unique<FileReader>(path, stop);
}

}  // namespace peer::streams
