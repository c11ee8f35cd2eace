#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include "peer/base/require.h"

namespace peer::streams {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// By how many kilobytes the resident memory of this process rises above its level of now, at most, while `body` runs.
// 0 under a sanitizer, whose own memory would drown the answer.
template <class Body>
std::int64_t peak_growth_kilobytes(Body&& body) {
  const auto field = [](const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
      if (std::int64_t kilobytes = 0; word == name && status >> kilobytes) return kilobytes;
    throw ContractError("peak memory: a field of /proc/self/status");
  };
  std::ofstream("/proc/self/clear_refs") << "5";  // resets VmHWM
  const std::int64_t before = field("VmRSS:");
  body();
  return kSanitized ? 0 : field("VmHWM:") - before;
}

}  // namespace peer::streams
