#pragma once

#include <cstdlib>
#include <string>

#include "peer/device/device.h"

namespace peer::test {

// Where the tests that can compute anywhere compute: PEER_TEST_DEVICE, or the CPU.
inline Device test_device() {
  const char* device = std::getenv("PEER_TEST_DEVICE");
  return device == nullptr ? Device{} : parse_device(device);
}

}  // namespace peer::test
