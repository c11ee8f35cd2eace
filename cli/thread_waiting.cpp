#include "cli/thread_waiting.h"

#include <unistd.h>

#include <cstdlib>

namespace peer::cli {
namespace {

// 25 steps of the tiny preset on two cores: 2.7 s alone for 3,000 and for the default; beside two busy programs 5.9 s against more than 60
// s.
constexpr const char* kSpins = "3000";

}  // namespace

void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  if (::setenv("GOMP_SPINCOUNT", kSpins, 1) == 0) ::execv("/proc/self/exe", argv);
  // Without /proc the program goes on as it is: slower under load, the same otherwise.
}

}  // namespace peer::cli
