#pragma once

#include <atomic>

namespace peer::cli {

// From here on SIGINT and SIGTERM reach no thread but one of their own, which waits for them. Called once by `main`, before another thread
// exists: threads inherit what their creator blocks. No signal handler may run on a thread that computes: the GEMM kernels of oneDNN before
// 3.12 let the stack pointer point into the heap, where a handler's frame overwrites what lies there (oneDNN issue 4845). SIGXFSZ is
// ignored. std::system_error when the system refuses the thread.
void watch_signals();

// From the first call on, the first SIGINT or SIGTERM sets the flag instead of ending the process, so that a trainer can finish its step,
// commit and exit with kResumable. A second signal ends the process at once. Commands that only read never call this: ctrl-C ends them.
const std::atomic<bool>& catch_interrupts();

}  // namespace peer::cli
