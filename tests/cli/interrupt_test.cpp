#include "cli/interrupt.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>

#include "cli/exit_code.h"
#include "tests/cli/micro_run.h"
#include "tests/support/catch.h"

using namespace peer::cli;

namespace {

// A process that watches signals, and writes a byte when it is ready and another when it was asked to stop. It goes on until it is killed.
class Watcher {
 public:
  explicit Watcher(bool catches, bool under_nohup = false) {
    REQUIRE(pipe(ends_) == 0);
    process_ = fork();
    if (process_ == 0) watch(catches, under_nohup);
    close(ends_[1]);
    REQUIRE(read_byte() == 'r');
  }
  ~Watcher() { close(ends_[0]); }
  void send(int signal) const { REQUIRE(kill(process_, signal) == 0); }
  char read_byte() const {
    char byte = 0;
    REQUIRE(read(ends_[0], &byte, 1) == 1);
    return byte;
  }
  bool runs() const { return waitpid(process_, nullptr, WNOHANG) == 0; }
  // The signal that ended it.
  int end() const {
    int status = 0;
    REQUIRE(waitpid(process_, &status, 0) == process_);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  [[noreturn]] void watch(bool catches, bool under_nohup) const {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGHUP, under_nohup ? SIG_IGN : SIG_DFL);
    watch_signals();
    const std::atomic<bool>* stop = catches ? &catch_interrupts() : nullptr;
    tell('r');
    while (stop == nullptr || !*stop) usleep(1000);
    tell('s');
    while (true) usleep(1000);
  }
  void tell(char byte) const {
    if (write(ends_[1], &byte, 1) != 1) _exit(1);
  }
  int ends_[2] = {};
  pid_t process_ = 0;
};

}  // namespace

TEST_CASE("the first signal asks a command that trains to stop, and the next ends the process") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const Watcher watcher(true);
    watcher.send(signal);
    CHECK(watcher.read_byte() == 's');
    watcher.send(signal);
    CHECK(watcher.end() == signal);
  }
}

TEST_CASE("a closed terminal is no reason to stop under nohup") {
  const Watcher watcher(true, true);
  watcher.send(SIGHUP);
  watcher.send(SIGTERM);
  CHECK(watcher.read_byte() == 's');
  watcher.send(SIGHUP);  // were it watched, it would be the second signal
  usleep(20000);
  CHECK(watcher.runs());
  watcher.send(SIGTERM);
  CHECK(watcher.end() == SIGTERM);
}

TEST_CASE("a signal ends a command that only reads at once") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const Watcher watcher(false);
    watcher.send(signal);
    CHECK(watcher.end() == signal);
  }
}

// A handler's frame would be written to where the stack pointer of a GEMM kernel happens to point.
TEST_CASE("no thread of the program has a signal handler, and none but the one that waits can be interrupted") {
  const ScratchDirectory scratch;
  const MicroWorld& world = MicroWorld::get();
  const std::string metrics = scratch / "metrics";
  Words words = Words{"stream", world.trained(scratch)} + world.stage("code") + Words{"--metrics", metrics, "--threads", "2"};
  *(std::find(words.begin(), words.end(), "--steps") + 1) = "1000000";
  const Outcome run =
      run_shell("\"$PEER\"" + quoted(words) + " >/dev/null &\nchild=$!\nuntil [ -s '" + metrics +
                "' ]; do sleep 0.01; done\ncat /proc/$child/task/*/status | grep -E '^Sig(Blk|Cgt)'\nkill -TERM $child\nwait $child");
  CHECK(run.code == kResumable);
  std::istringstream lines(run.out);
  int blocking = 0, waiting = 0;
  for (std::string name, mask; lines >> name >> mask;) {
    const auto stops = std::stoull(mask, nullptr, 16) & ((1ULL << (SIGINT - 1)) | (1ULL << (SIGTERM - 1)));
    if (name == "SigCgt:") CHECK(stops == 0);
    if (name == "SigBlk:") ++(std::popcount(stops) == 2 ? blocking : waiting);
  }
  CHECK(waiting == 1);
  CHECK(blocking >= 2);
}
