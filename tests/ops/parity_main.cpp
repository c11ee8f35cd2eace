#define CATCH_CONFIG_RUNNER
#include <iostream>

#include "peer/base/error.h"
#include "peer/device/context.h"
#include "tests/support/catch.h"

int main(int argc, char** argv) {
  try {
    const peer::Context ctx(peer::parse_device("cuda"));
  } catch (const peer::DeviceError& error) {
    std::cout << "skipped: " << error.what() << "\n";
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
