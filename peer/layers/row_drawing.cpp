#include "peer/layers/row_drawing.h"

#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace peer::layers {
namespace {

constexpr std::int64_t kPiece = 256;  // rows: some tenths of a millisecond, which is what a wait may take at the low priority

// Of the calling thread alone, as Linux has it. Refused, rows are drawn at the usual one.
void lower_priority() {
  constexpr int kLower = 5;
  [[maybe_unused]] const int now = nice(kLower);
}

}  // namespace

RowDrawing::RowDrawing(std::int64_t first, std::int64_t end, std::function<void(std::int64_t, std::int64_t)> draw, DrawingTurn turn)
    : first_(first), end_(end), draw_(std::move(draw)), turn_(turn ? std::move(turn) : std::make_shared<std::mutex>()), left_(pieces()) {
  try {
    thread_ = std::thread([this] {
      lower_priority();
      draw_pieces(*turn_);
    });
  } catch (const std::system_error&) {
    draw_pieces(*turn_);
  }
}

RowDrawing::~RowDrawing() {
  given_up_ = true;
  if (thread_.joinable()) thread_.join();
}

std::int64_t RowDrawing::pieces() const { return (end_ - first_ + kPiece - 1) / kPiece; }

void RowDrawing::draw_pieces(std::mutex& turn) {
  while (!given_up_) {
    const std::lock_guard lock(turn);
    const std::int64_t piece = next_++;
    if (piece >= pieces()) return;
    draw_piece(piece);
  }
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
    {
      std::mutex nobodys;  // who waits waits for no turn
      draw_pieces(nobodys);
    }
  }
  for (std::int64_t left = left_; left > 0; left = left_) left_.wait(left);
  if (failed_) std::rethrow_exception(error_);
}

}  // namespace peer::layers
