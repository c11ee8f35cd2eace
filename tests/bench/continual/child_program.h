// Programs that run below this one, several at a time, and end with it.
#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace peer::continual {

// From here on SIGINT and SIGTERM set the flag that is returned and reach every child as SIGTERM, so that each commits what it has.
const std::atomic<bool>& forward_interrupts();

// Runs words[0] with the rest as its arguments and waits; its output is appended to the file `log`. Returns its exit code, 128 + n when
// signal n ended it. IoError when it cannot be started.
int run_child(const std::vector<std::string>& words, const std::string& log);

}  // namespace peer::continual
