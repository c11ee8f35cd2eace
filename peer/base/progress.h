#pragma once

#include <cstdint>
#include <string>

namespace peer {

// What a long task reports. Libraries call it; cli/terminal draws it; tests and servers pass their own.
class Progress {
 public:
  virtual ~Progress() = default;
  // `done` of `total` units of `task`; `detail` is one short phrase ("loss 1.93  2.78 bpb  41 ktok/s").
  virtual void update(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail) = 0;
  // A line worth keeping ("parent view: g0 (2.91 bpb on a sample)").
  virtual void note(const std::string& line) = 0;
};

class SilentProgress final : public Progress {
 public:
  void update(const std::string&, std::int64_t, std::int64_t, const std::string&) override {}
  void note(const std::string&) override {}
};

}  // namespace peer
