// Threads that the system refuses: `ulimit -u`, `ulimit -v`, a container's limit of processes.
#pragma once

#include <string>
#include <system_error>

namespace peer::cli {

// The line for the refusal: what was refused, and what to try.
std::string thread_refused(const std::system_error& error);

// DeviceError unless the system gives `threads` threads at once to compute with, this one among them, and room for `beside` more. Asked
// before OpenMP needs them, which ends the process when it gets fewer.
void require_threads(int threads, int beside);

}  // namespace peer::cli
