// The main of every folder's tests. Exit code 77, skipped, where PEER_CPU_PATH names a path of the CPU that this machine lacks.
#define CATCH_CONFIG_RUNNER
#include <iostream>

#include "peer/device/cpu_path.h"
#include "tests/support/catch.h"

int main(int argc, char** argv) {
  try {
    peer::chosen_cpu_path();
  } catch (const peer::DeviceError& error) {
    std::cout << "skipped: " << error.what() << "\n";
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
