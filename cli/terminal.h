#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "cli/paint.h"
#include "peer/base/progress.h"

namespace peer::cli {

// Draws progress. Live (on a terminal): one line, rewritten in place, kept when its task ends. Otherwise a plain line when a task
// starts and ends and about every ten seconds between, so that a log file stays readable.
//
//   train  [=========>          ]  47%  loss 1.93  2.78 bpb  41 ktok/s  ETA 1m 05s
class Terminal final : public Progress {
 public:
  struct Look {
    bool live = false;
    int width = 80;  // columns of the terminal; unused when not live
    Paint paint;
  };
  using Clock = std::function<double()>;  // seconds, never backwards

  // `out` must outlive this. Without a clock: the steady one.
  Terminal(std::ostream& out, Look look, Clock clock = {});
  ~Terminal() override;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void update(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail) override;
  void note(const std::string& line) override;

 private:
  bool due(bool starts, bool ends, double now) const;
  std::string line(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail, double now) const;
  std::string time_left(std::int64_t done, std::int64_t total, double now) const;
  void keep_live_line();

  std::ostream& out_;
  Look look_;
  Clock clock_;
  std::string task_;  // "" between tasks
  std::int64_t first_done_ = 0;
  double started_ = 0, drawn_ = 0;
  bool live_line_ = false;  // the cursor stands after a line that the next one may overwrite
};

// What stderr is: a terminal or not, how wide, in colour or not.
Terminal::Look look_of_stderr(bool color);
// Whether a file descriptor gets colour: --color, then NO_COLOR, then whether it is a terminal.
bool wants_color(int descriptor, std::string_view mode);

}  // namespace peer::cli
