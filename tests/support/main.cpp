// The main of every folder's tests. Exit code 77, skipped, where PEER_CPU_PATH names a path of the CPU that this machine lacks, or
// PEER_TEST_DEVICE a device.
#define CATCH_CONFIG_RUNNER
#include <iostream>

#include "peer/base/error.h"
#include "peer/device/context.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"

int main(int argc, char** argv) {
  try {
    const peer::Context ctx(peer::test::test_device());
  } catch (const peer::DeviceError& error) {
    std::cout << "skipped: " << error.what() << "\n";
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
