// A program started beside the test, by posix_spawn: RocksDB's threads do not survive a plain fork.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace peer::pool::test {

class ChildProcess {
 public:
  // `environment`: "NAME=value", added to ours. Its stdout is read by `finish`.
  ChildProcess(const std::vector<std::string>& command, const std::vector<std::string>& environment = {});
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  void kill();  // SIGKILL
  // Waits; afterwards:
  void finish();
  bool was_killed() const { return signal_ != 0; }
  int exit_code() const { return exit_code_; }
  const std::string& output() const { return output_; }

 private:
  pid_t process_ = -1;
  int pipe_ = -1;
  int signal_ = 0, exit_code_ = -1;
  std::string output_;
};

}  // namespace peer::pool::test
