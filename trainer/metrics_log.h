#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>

#include "pool/pool.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

// One JSON line a step, appended to a file; nothing when the path is empty. IoError when the file cannot be written.
class MetricsLog {
 public:
  explicit MetricsLog(const std::string& path);
  void step(const std::string& domain, std::int64_t step, double bits_per_byte, double seconds);
  // Writes no more.
  void stop() { path_.clear(), file_.close(); }
  // The line of the newest step, by which a resumed stage finds its place again: the time that it holds makes it unlike any other. ""
  // before the first.
  const std::string& last_line() const { return last_line_; }

  // A stage that was killed goes on after the step that wrote `line`: drops the lines of the steps after that, which are taken again, and
  // returns how many those were. Only those lines are dropped that follow `line` in the file and are of its domain and of one step after
  // the other; whatever else stands in the file stays. Nothing where the file does not hold the line, or is no regular file.
  std::int64_t go_on_after(const std::string& line);

 private:
  std::string path_, last_line_;
  std::ofstream file_;
};

// What a commit of the stage after `history` on `parent` keeps of its metrics: the last line.
std::pair<std::string, std::string> metrics_record(const History& history, GenerationId parent, const MetricsLog& metrics);
std::string read_metrics_record(const pool::Pool& pool, const History& history, GenerationId parent);

}  // namespace peer::trainer
