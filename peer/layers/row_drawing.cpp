#include "peer/layers/row_drawing.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace peer::layers {
namespace {

constexpr std::int64_t kPiece = 64;     // rows: a tenth of a millisecond, which is what a wait may take at the low priority
constexpr double kBetweenSteps = 0.25;  // of the time since the last
constexpr std::chrono::milliseconds kMostBetweenSteps{250};  // however long nobody took a step

// Of the calling thread alone, as Linux has it. Refused, rows are drawn at the usual one.
void lower_priority() {
  constexpr int kLower = 5;
  [[maybe_unused]] const int now = nice(kLower);
}

}  // namespace

RowDrawing::RowDrawing(std::int64_t first, std::int64_t end, std::function<void(std::int64_t, std::int64_t)> draw,
                       std::shared_ptr<DrawingTurn> turn)
    : first_(first), end_(end), draw_(std::move(draw)), turn_(turn ? std::move(turn) : std::make_shared<DrawingTurn>()), left_(pieces()) {
  try {
    thread_ = std::thread([this] {
      lower_priority();
      draw_beside();
    });
  } catch (const std::system_error&) {
    draw_beside();
  }
}

RowDrawing::~RowDrawing() {
  given_up_ = true;
  if (thread_.joinable()) thread_.join();
}

std::int64_t RowDrawing::pieces() const { return (end_ - first_ + kPiece - 1) / kPiece; }

void RowDrawing::draw_beside() {
  for (bool more = true; more && !between_steps_ && !given_up_;) {
    const std::lock_guard lock(turn_->taken);
    more = draw_next();
  }
}

void RowDrawing::draw_between_steps(int threads) {
  using Clock = std::chrono::steady_clock;
  between_steps_ = true;
  const std::unique_lock lock(turn_->taken, std::try_to_lock);
  if (!lock || next_ >= pieces()) return;
  const Clock::time_point began = Clock::now(), rested = std::exchange(turn_->rests_since, began);
  if (rested == Clock::time_point{}) return;
  const auto part = std::chrono::duration_cast<Clock::duration>(kBetweenSteps * (began - rested));
  const Clock::time_point end = began + std::min<Clock::duration>(part, kMostBetweenSteps);
#pragma omp parallel num_threads(threads)
  while (Clock::now() < end && draw_next()) {
  }
  turn_->rests_since = Clock::now();
}

bool RowDrawing::draw_next() {
  const std::int64_t piece = next_++;
  if (piece < pieces()) draw_piece(piece);
  return piece < pieces();
}

// A piece that fails is over too, and those after it without being drawn: whoever waits is to hear of it.
void RowDrawing::draw_piece(std::int64_t piece) {
  const std::int64_t first = first_ + piece * kPiece;
  try {
    if (!failed_) draw_(first, std::min(first + kPiece, end_));
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!failed_) error_ = std::current_exception();
    failed_ = true;
  }
  if (--left_ == 0) left_.notify_all();
}

void RowDrawing::wait() {
  if (next_ < pieces()) {
#pragma omp parallel
    while (draw_next()) {  // who waits waits for no turn
    }
  }
  for (std::int64_t left = left_; left > 0; left = left_) left_.wait(left);
  if (failed_) std::rethrow_exception(error_);
}

}  // namespace peer::layers
