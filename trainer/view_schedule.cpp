#include "trainer/view_schedule.h"

#include <algorithm>
#include <limits>
#include <numbers>

namespace peer::trainer {
namespace {

constexpr double kLeastSurprise = 60;  // bits: less wakes all for common words, more misses the name in another language
constexpr double kUseful = 5;          // bits that waking must have saved, or the next surprise must be larger
constexpr double kSurpriseStep = 1.5;
constexpr std::size_t kMostAhead = 16;
constexpr double kNothing = -std::numeric_limits<double>::infinity();

}  // namespace

ViewSchedule::ViewSchedule(std::span<const Window> windows, int views, const model::MixtureOptions& mixture, double sleep)
    : windows_(windows),
      score_{model::Mixture(views, mixture), 0},
      sleep_(mixture.switch_share > 0 && views > 1 ? sleep : 0),
      awake_(static_cast<std::size_t>(views), true),
      asked_(awake_.size()),
      ahead_(sleep_ > 0 ? 1 : windows.size()),
      surprise_(kLeastSurprise) {}

std::vector<ViewSchedule::Read> ViewSchedule::advance(std::span<const std::vector<float>> log_p) {
  std::vector<Read> reads;
  while (window_ < windows_.size() && (reads = unread()).empty()) {
    const Score before = score_;
    const std::vector<double> heaviest = read_window(log_p);
    const double bits = score_.bits() - before.bits();
    if (any_asleep() && surprising(before.bits(), bits)) {
      score_ = before;
      without_sleepers_ = bits;
      std::fill(awake_.begin(), awake_.end(), true);
      continue;
    }
    if (without_sleepers_ > 0) learn_surprise(bits);
    if (sleep_ > 0) send_to_sleep(heaviest);
    ++window_;
  }
  return reads;
}

// A view alone reads ahead, and the longer it has been alone the further: one document could not fill a batch otherwise. While views
// compete the next window decides which of them go on.
std::vector<ViewSchedule::Read> ViewSchedule::unread() {
  const bool alone = std::count(awake_.begin(), awake_.end(), true) == 1;
  if (sleep_ > 0 && !alone) ahead_ = 1;
  std::vector<Read> reads;
  for (std::size_t g = 0; g < asked_.size(); ++g) {
    if (!awake_[g] || asked_[g] > window_) continue;
    asked_[g] = std::min(window_ + ahead_, windows_.size());
    for (std::size_t w = window_; w < asked_[g]; ++w) reads.push_back({g, w});
  }
  if (sleep_ > 0 && alone && !reads.empty()) ahead_ = std::min(2 * ahead_, kMostAhead);
  return reads;
}

// Scores the window with the views awake. Returns by view the largest weight that it had in the second half: at the start of a document
// the weights are still the prior's, and no view could fall asleep by them.
std::vector<double> ViewSchedule::read_window(std::span<const std::vector<float>> log_p) {
  std::vector<double> heaviest(awake_.size()), at_token(awake_.size());
  const std::int64_t begin = windows_[window_].score_begin, end = windows_[window_].end;
  for (std::int64_t t = begin; t < end; ++t) {
    for (std::size_t g = 0; g < awake_.size(); ++g) at_token[g] = awake_[g] ? log_p[g][static_cast<std::size_t>(t)] : kNothing;
    score_.nats -= score_.mixture.update(at_token);
    if (t < (begin + end) / 2) continue;
    for (std::size_t g = 0; g < awake_.size(); ++g) heaviest[g] = std::max(heaviest[g], score_.mixture.weights()[g]);
  }
  return heaviest;
}

// The first window is read by all: there is text before a window that may surprise.
bool ViewSchedule::surprising(double bits_before, double bits) const {
  const Window& w = windows_[window_];
  const double mean = bits_before / static_cast<double>(w.score_begin);
  return bits - mean * static_cast<double>(w.end - w.score_begin) > surprise_;
}

// Some texts are uneven for every view: where waking does not help it becomes rarer.
void ViewSchedule::learn_surprise(double bits) {
  const bool useful = without_sleepers_ - bits >= kUseful;
  surprise_ = useful ? std::max(kLeastSurprise, surprise_ / kSurpriseStep) : surprise_ * kSurpriseStep;
  without_sleepers_ = 0;
}

void ViewSchedule::send_to_sleep(const std::vector<double>& heaviest) {
  const double most = *std::max_element(heaviest.begin(), heaviest.end());
  for (std::size_t g = 0; g < awake_.size(); ++g) awake_[g] = awake_[g] && (heaviest[g] >= sleep_ || heaviest[g] == most);
}

bool ViewSchedule::any_asleep() const { return std::count(awake_.begin(), awake_.end(), false) > 0; }

}  // namespace peer::trainer
