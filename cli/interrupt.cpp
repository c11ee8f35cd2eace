#include "cli/interrupt.h"

#include <pthread.h>
#include <signal.h>

#include <iostream>
#include <thread>

namespace peer::cli {
namespace {

std::atomic<bool> caught = false, interrupted = false;

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);  // a closed terminal, unless nohup said that it is no reason to stop
  return signals;
}

// What `signal` would have done without this thread: what the process inherited for it, which for most is to end.
void let_act(int signal) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signal);
  pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  raise(signal);
  pthread_sigmask(SIG_BLOCK, &one, nullptr);
}

void wait_for_signals() {
  const sigset_t signals = stop_signals();
  for (int signal = 0; sigwait(&signals, &signal) == 0;) {
    if (!caught) {
      let_act(signal);
    } else if (!interrupted.exchange(true)) {
      std::cerr << "\npeer-cli: stopping where nothing is lost; a second signal stops at once\n" << std::flush;
    } else {
      ::signal(signal, SIG_DFL);  // a shell's background job inherits that SIGINT is ignored
      let_act(signal);
    }
  }
}

}  // namespace

void watch_signals() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond `ulimit -f` then fails like any other
  std::thread(wait_for_signals).detach();
}

const std::atomic<bool>& catch_interrupts() {
  caught = true;
  return interrupted;
}

}  // namespace peer::cli
