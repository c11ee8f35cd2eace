#pragma once

#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

#include "peer/model/mixture.h"
#include "trainer/window.h"

namespace peer::trainer {

// Which views read which windows of one document, and what the mixture over them makes of it.
//
// With sleep = 0 every view reads every window. Else every view reads the first; a view whose weight stays below `sleep` through the second
// half of a window then sleeps, but for the heaviest. When a window costs the views awake far more than the document's mean, all views read
// it and it is scored again with them.
//
// A view asleep predicts nothing (probability 0), while it goes on drawing its switch share: the mixture then sums over the paths from
// view to view that avoid the sleepers, a part of the sum that the full mixture takes. So whatever wakes a view, even the very text that it
// is to score,
//   bits(full mixture) <= bits,
// and bits <= bits(view g) - log2 prior_g - T log2(1-a) over T tokens holds as before for each view that never slept in the document. For
// a view that slept there is no bound. Without a switch share (a = 0) no sleeper could come back: none is sent to sleep.
class ViewSchedule {
 public:
  struct Read {
    std::size_t view, window;
  };

  ViewSchedule(std::span<const Window> windows, int views, const model::MixtureOptions& mixture, double sleep);

  // Scores the document as far as the windows read reach. log_p[g][t]: view g's natural log-probability of token t, set in the windows that
  // it was told to read. Returns what must be read before the next call; nothing: the document is scored.
  std::vector<Read> advance(std::span<const std::vector<float>> log_p);
  double bits() const { return score_.bits(); }  // the mixture's, of the windows scored

 private:
  struct Score {
    model::Mixture mixture;
    double nats;
    double bits() const { return nats / std::numbers::ln2; }
  };

  std::vector<Read> unread();
  std::vector<double> read_window(std::span<const std::vector<float>> log_p);
  bool surprising(double bits_before, double bits) const;
  void learn_surprise(double bits);
  void send_to_sleep(const std::vector<double>& heaviest);
  bool any_asleep() const;

  std::span<const Window> windows_;
  Score score_;
  double sleep_;  // 0: nobody sleeps
  std::vector<bool> awake_;
  std::vector<std::size_t> asked_;  // by view: the first window that it was not asked for
  std::size_t window_ = 0;
  std::size_t ahead_;            // windows that a view reads at a time
  double surprise_;              // bits above the mean that wake the sleepers
  double without_sleepers_ = 0;  // bits of the window at hand before they were woken for it; 0: they were not
};

}  // namespace peer::trainer
