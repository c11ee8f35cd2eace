#include "trainer/evaluation/scoring_watch.h"

#include <cmath>

namespace peer::trainer {
namespace {

constexpr std::int64_t kUnits = 1000;  // that a whole task is shown as
constexpr double kRounding = 1e-6;     // of parts added up: the last one ends the task, none before it

}  // namespace

ScoringWatch ScoringWatch::part(std::int64_t which, std::int64_t of, const std::string& detail) const {
  ScoringWatch one = *this;
  one.share_ = share_ / static_cast<double>(of);
  one.begin_ = begin_ + one.share_ * static_cast<double>(which);
  one.detail_ = detail;
  return one;
}

void ScoringWatch::see(std::int64_t done_windows, std::int64_t windows) const {
  if (stop_ != nullptr && *stop_) throw ScoringStopped("stopped while text was scored");
  if (progress_ == nullptr) return;
  const double done = windows > 0 ? static_cast<double>(done_windows) / static_cast<double>(windows) : 1;
  progress_->update(task_, static_cast<std::int64_t>(std::floor((begin_ + share_ * done) * kUnits + kRounding)), kUnits, detail_);
}

}  // namespace peer::trainer
