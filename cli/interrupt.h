#pragma once

#include <atomic>

namespace peer::cli {

// From the first call on, SIGINT or SIGTERM sets the flag instead of ending the process, so that a trainer can finish its step, commit
// and exit with kResumable. A second signal ends the process at once. Commands that only read never call this: ctrl-C ends them.
const std::atomic<bool>& catch_interrupts();

}  // namespace peer::cli
