#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace peer::trainer {

// One JSON line a step, appended to a file; nothing when the path is empty. IoError when the file cannot be written.
class MetricsLog {
 public:
  explicit MetricsLog(const std::string& path);
  void step(const std::string& domain, std::int64_t step, double bits_per_byte, double seconds);

 private:
  std::string path_;
  std::ofstream file_;
};

}  // namespace peer::trainer
