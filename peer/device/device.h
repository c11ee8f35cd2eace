#pragma once

#include <string>

namespace peer {

struct Device {
  enum class Kind { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int index = 0;
  friend bool operator==(const Device&, const Device&) = default;
  bool is_cpu() const { return kind == Kind::kCpu; }
};

// "cpu", "cuda", "cuda:1". UsageError on anything else.
Device parse_device(const std::string& text);
std::string to_text(Device device);

}  // namespace peer
