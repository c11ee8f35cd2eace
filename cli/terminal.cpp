#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "cli/text_table.h"

namespace peer::cli {
namespace {

constexpr double kLiveSeconds = 0.1, kPlainSeconds = 10;
constexpr int kBarWidth = 20;

double steady_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string bar(double share) {
  const int filled = static_cast<int>(share * kBarWidth);
  std::string cells(kBarWidth, ' ');
  std::fill_n(cells.begin(), filled, '=');
  if (filled < kBarWidth) cells[static_cast<std::size_t>(filled)] = '>';
  return "[" + cells + "]";
}

// At most `width` columns, never through the middle of a UTF-8 character.
std::string clipped(std::string text, std::size_t width) {
  while (display_width(text) > width) text.pop_back();
  return text;
}

}  // namespace

Terminal::Terminal(std::ostream& out, Look look, Clock clock)
    : out_(out), look_(look), clock_(clock ? std::move(clock) : Clock(steady_seconds)) {}

Terminal::~Terminal() { keep_live_line(); }

void Terminal::update(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail) {
  const double now = clock_();
  const bool starts = task != task_, ends = total > 0 && done >= total;
  if (starts) {
    keep_live_line();
    task_ = task, first_done_ = done, started_ = now;
  }
  if (due(starts, ends, now)) {
    drawn_ = now;
    const std::string text = line(task, done, total, detail, now);
    if (look_.live)
      out_ << '\r' << clipped(text, static_cast<std::size_t>(std::max(1, look_.width - 1))) << "\033[K" << std::flush;
    else
      out_ << text << std::endl;
    live_line_ = look_.live;
  }
  if (ends) {
    keep_live_line();
    task_.clear();
  }
}

void Terminal::note(const std::string& line) {
  if (live_line_) out_ << "\r\033[K";  // the progress line is drawn again below the note
  live_line_ = false;
  out_ << line << std::endl;
}

bool Terminal::due(bool starts, bool ends, double now) const {
  const bool line_is_missing = look_.live && !live_line_;
  return starts || ends || line_is_missing || now - drawn_ >= (look_.live ? kLiveSeconds : kPlainSeconds);
}

std::string Terminal::line(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail, double now) const {
  std::string text = look_.paint.bold(task);
  if (total > 0) {
    const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
    if (look_.live) text += "  " + bar(share);
    text += fmt::format(" {:3}%", static_cast<int>(share * 100));
  } else {
    text += fmt::format("  {}", done);
  }
  if (!detail.empty()) text += "  " + detail;
  return text + time_left(done, total, now);
}

// From the speed since the task began: one that was resumed begins above zero.
std::string Terminal::time_left(std::int64_t done, std::int64_t total, double now) const {
  const double elapsed = now - started_;
  if (total > 0 && done >= total) return "  took " + human_duration(elapsed);
  if (total <= 0 || done <= first_done_ || elapsed < 1) return "";
  const double rate = static_cast<double>(done - first_done_) / elapsed;
  return "  ETA " + human_duration(static_cast<double>(total - done) / rate);
}

void Terminal::keep_live_line() {
  if (live_line_) out_ << std::endl;
  live_line_ = false;
}

Terminal::Look look_of_stderr(bool color) {
  winsize size{};
  const bool sized = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return {.live = isatty(STDERR_FILENO) == 1, .width = sized ? size.ws_col : 80, .paint = {color}};
}

bool wants_color(int descriptor, std::string_view mode) {
  if (mode != "auto") return mode == "always";
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  return (!no_color || !*no_color) && isatty(descriptor) == 1;
}

}  // namespace peer::cli
