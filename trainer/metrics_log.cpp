#include "trainer/metrics_log.h"

#include <nlohmann/json.hpp>

#include "peer/base/error.h"

namespace peer::trainer {

MetricsLog::MetricsLog(const std::string& path) : path_(path) {
  if (path.empty()) return;
  file_.open(path, std::ios::app);
  if (!file_) throw IoError("metrics file '" + path + "' cannot be opened for writing; check the folder and its permissions");
}

void MetricsLog::step(const std::string& domain, std::int64_t step, double bits_per_byte, double seconds) {
  if (path_.empty()) return;
  file_ << nlohmann::ordered_json{{"domain", domain}, {"step", step}, {"bits_per_byte", bits_per_byte}, {"seconds", seconds}}.dump() << '\n'
        << std::flush;
  if (!file_) throw IoError("metrics file '" + path_ + "' cannot be written; is the disk full?");
}

}  // namespace peer::trainer
