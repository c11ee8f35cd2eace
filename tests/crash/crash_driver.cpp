// crash_driver POOL commit|rollback   does one step and writes "done" to stdout the moment it is acknowledged
// crash_driver POOL loop              commits until it is killed; writes the id of every commit on a line of its own
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>

#include "tests/crash/crash_steps.h"

namespace {

void acknowledge(const std::string& text) {
  if (::write(STDOUT_FILENO, text.data(), text.size()) < 0) ::_exit(3);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace peer::pool;
  if (argc != 3) return 2;
  try {
    Pool pool = Pool::open(argv[1], Access::kWrite);
    const std::string step = argv[2];
    if (step != "loop") {
      test::run_step(pool, step);
      acknowledge("done\n");
      return 0;
    }
    for (peer::GenerationId head = pool.resolve("head");;) {
      head = test::commit_everything(pool, head, static_cast<int>((head.value + 1) % 8));
      acknowledge(std::to_string(head.value) + "\n");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
