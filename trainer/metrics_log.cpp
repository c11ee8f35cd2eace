#include "trainer/metrics_log.h"

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::ordered_json;

std::string key_of(const History& history, GenerationId parent) {
  return fmt::format("metrics so far/{} g{}", history.stages.size(), parent.value);
}

// How the line of a step begins, up to what was measured.
std::string beginning(const std::string& domain, std::int64_t step) {
  const std::string json = Json{{"domain", domain}, {"step", step}}.dump();
  return json.substr(0, json.size() - 1) + ",";
}

// Reads the lines of a file after one of them, and tells those apart that its stage wrote after it.
class Tail {
 public:
  // `line`: of a step, as MetricsLog writes it.
  explicit Tail(const std::string& line) : line_(line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("domain") || !json.contains("step"))
      throw CorruptError(fmt::format("the pool's record of the metrics is no line of a step: '{}'", line));
    domain_ = json.at("domain"), step_ = json.at("step");
  }

  void read(std::istream& file) {
    for (std::string text; std::getline(file, text);) {
      const bool whole = !file.eof();  // a full disk may have cut the last one
      bytes_ += static_cast<std::int64_t>(text.size()) + (whole ? 1 : 0);
      if (text == line_ && whole)
        begin_ = bytes_, next_ = step_ + 1, kept_.clear(), dropped_ = 0;
      else if (begin_ >= 0 && !drops(text, whole))
        kept_ += text + '\n';
    }
  }

  std::int64_t dropped() const { return dropped_; }
  std::int64_t begin() const { return begin_; }      // bytes up to the end of the line; -1: it is not there
  const std::string& kept() const { return kept_; }  // what others wrote after it

 private:
  // Other lines of the domain, beginning with its first step maybe, are another stage's, and so is all that follows.
  bool drops(const std::string& text, bool whole) {
    if (next_ < 0) return false;
    const std::string expected = beginning(domain_, next_);
    if (text.starts_with(expected) || (!whole && expected.starts_with(text))) {
      ++next_, ++dropped_;
      return true;
    }
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_object() && json.contains("domain") && json.at("domain") == domain_) next_ = -1;
    return false;
  }

  std::string line_, domain_, kept_;
  std::int64_t step_ = 0, next_ = -1, bytes_ = 0, begin_ = -1, dropped_ = 0;
};

}  // namespace

MetricsLog::MetricsLog(const std::string& path) : path_(path) {
  if (path.empty()) return;
  file_.open(path, std::ios::app);
  if (!file_) throw IoError("metrics file '" + path + "' cannot be opened for writing; check the folder and its permissions");
}

void MetricsLog::step(const std::string& domain, std::int64_t step, double bits_per_byte, double seconds) {
  if (path_.empty()) return;
  last_line_ = Json{{"domain", domain}, {"step", step}, {"bits_per_byte", bits_per_byte}, {"seconds", seconds}}.dump();
  file_ << last_line_ << '\n' << std::flush;
  if (!file_) throw IoError("metrics file '" + path_ + "' cannot be written; is the disk full?");
}

// In place, so that links and other writers keep their file: a line only ever moves to the front, over what is dropped or was copied
// before, so that a kill in between loses none.
std::int64_t MetricsLog::go_on_after(const std::string& line) {
  last_line_ = line;
  if (path_.empty() || line.empty() || !std::filesystem::is_regular_file(path_)) return 0;
  Tail tail(line);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  tail.read(file);
  if (tail.dropped() == 0) return 0;
  file.clear();
  file.seekp(tail.begin());
  file << tail.kept() << std::flush;
  std::error_code problem;
  if (file) std::filesystem::resize_file(path_, static_cast<std::uintmax_t>(tail.begin()) + tail.kept().size(), problem);
  if (!file || problem) throw IoError("metrics file '" + path_ + "' cannot be rewritten; check its permissions");
  return tail.dropped();
}

std::pair<std::string, std::string> metrics_record(const History& history, GenerationId parent, const MetricsLog& metrics) {
  return {key_of(history, parent), metrics.last_line()};
}

std::string read_metrics_record(const pool::Pool& pool, const History& history, GenerationId parent) {
  return pool.record(key_of(history, parent)).value_or("");
}

}  // namespace peer::trainer
