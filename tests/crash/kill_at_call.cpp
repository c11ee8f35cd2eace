// Preloaded into a program, ends it with SIGKILL at one of its file operations under one directory:
//   KILL_ROOT  only operations on files under this path are counted
//   KILL_AT    the number of the operation, from 1; a write is torn: half of its bytes arrive
// Counted are the calls that change what is on disk, or make a change durable.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kMaxDescriptor = 4096;
std::atomic<bool> under_root[kMaxDescriptor];
std::atomic<long> operations{0};

const char* root() {
  static const char* const path = std::getenv("KILL_ROOT");
  return path;
}

long kill_at() {
  static const long number = std::getenv("KILL_AT") ? std::atol(std::getenv("KILL_AT")) : 0;
  return number;
}

bool counted(const char* path) { return root() != nullptr && std::strncmp(path, root(), std::strlen(root())) == 0; }
bool counted(int descriptor) { return descriptor >= 0 && descriptor < kMaxDescriptor && under_root[descriptor]; }
bool is_last_operation() { return ++operations == kill_at(); }

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  for (;;) ::pause();
}

template <class Target>
void before(const Target& target) {
  if (counted(target) && is_last_operation()) die();
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

int remember(int descriptor, bool is_under_root) {
  if (descriptor >= 0 && descriptor < kMaxDescriptor) under_root[descriptor] = is_under_root;
  return descriptor;
}

bool changes(int flags) { return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0; }

mode_t mode_argument(int flags, va_list arguments) { return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0; }

}  // namespace

// The functions of libc by their own names: the loader finds these first.
extern "C" {

#define PEER_OPEN(name)                                                      \
  int name(const char* path, int flags, ...) {                               \
    va_list arguments;                                                       \
    va_start(arguments, flags);                                              \
    const mode_t mode = mode_argument(flags, arguments);                     \
    va_end(arguments);                                                       \
    if (changes(flags)) before(path);                                        \
    static const auto real = next<int (*)(const char*, int, mode_t)>(#name); \
    return remember(real(path, flags, mode), counted(path));                 \
  }
PEER_OPEN(open)
PEER_OPEN(open64)
#undef PEER_OPEN

int close(int descriptor) {
  remember(descriptor, false);
  static const auto real = next<int (*)(int)>("close");
  return real(descriptor);
}

ssize_t write(int descriptor, const void* bytes, size_t count) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  if (counted(descriptor) && is_last_operation()) {
    (void)!real(descriptor, bytes, count / 2);
    die();
  }
  return real(descriptor, bytes, count);
}

#define PEER_PWRITE(name)                                                               \
  ssize_t name(int descriptor, const void* bytes, size_t count, off_t offset) {         \
    static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>(#name); \
    if (counted(descriptor) && is_last_operation()) {                                   \
      (void)!real(descriptor, bytes, count / 2, offset);                                \
      die();                                                                            \
    }                                                                                   \
    return real(descriptor, bytes, count, offset);                                      \
  }
PEER_PWRITE(pwrite)
PEER_PWRITE(pwrite64)
#undef PEER_PWRITE

// One argument that says whether the call counts, then the arguments that are passed on.
#define PEER_CALL(name, parameters, target, arguments)       \
  int name parameters {                                      \
    before(target);                                          \
    static const auto real = next<int(*) parameters>(#name); \
    return real arguments;                                   \
  }
PEER_CALL(fsync, (int descriptor), descriptor, (descriptor))
PEER_CALL(fdatasync, (int descriptor), descriptor, (descriptor))
PEER_CALL(ftruncate, (int descriptor, off_t size), descriptor, (descriptor, size))
PEER_CALL(ftruncate64, (int descriptor, off_t size), descriptor, (descriptor, size))
PEER_CALL(fallocate, (int descriptor, int mode, off_t offset, off_t size), descriptor, (descriptor, mode, offset, size))
PEER_CALL(sync_file_range, (int descriptor, off64_t offset, off64_t size, unsigned flags), descriptor, (descriptor, offset, size, flags))
PEER_CALL(rename, (const char* from, const char* to), to, (from, to))
PEER_CALL(unlink, (const char* path), path, (path))
PEER_CALL(rmdir, (const char* path), path, (path))
PEER_CALL(mkdir, (const char* path, mode_t mode), path, (path, mode))
PEER_CALL(link, (const char* from, const char* to), to, (from, to))
#undef PEER_CALL

}  // extern "C"
