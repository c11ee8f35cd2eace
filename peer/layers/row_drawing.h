// Rows that a thread of its own draws while their owner goes on with other rows. Which thread draws a row decides nothing of it, so the
// result is that of drawing them at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace peer::layers {

// Of drawings that share a turn one goes on at a time, so that the blocks of a model take no more than a core together.
using DrawingTurn = std::shared_ptr<std::mutex>;

class RowDrawing {
 public:
  // draw(first, end) of pieces of [first, end), each once, several at the same time. The thread has a low priority: others that compute
  // keep their cores, and it takes what they leave. Where the system gives no thread, all is drawn on return.
  RowDrawing(std::int64_t first, std::int64_t end, std::function<void(std::int64_t first, std::int64_t end)> draw, DrawingTurn turn = {});
  RowDrawing(const RowDrawing&) = delete;
  RowDrawing& operator=(const RowDrawing&) = delete;
  // Waits for the pieces that were begun; the others are never drawn. Requires: nobody waits.
  ~RowDrawing();

  std::int64_t first() const { return first_; }
  // Whether every row is there.
  bool done() const { return left_ == 0 && !failed_; }
  // Draws what is left, with all threads of the caller, and returns when every row is there. Throws what a draw threw, to everyone who
  // waits. Several threads may wait.
  void wait();

 private:
  std::int64_t pieces() const;
  void draw_pieces(std::mutex& turn);
  void draw_piece(std::int64_t piece);

  const std::int64_t first_, end_;
  const std::function<void(std::int64_t, std::int64_t)> draw_;
  const DrawingTurn turn_;
  std::atomic<std::int64_t> next_{0};  // the piece that nobody has taken yet
  std::atomic<std::int64_t> left_;     // pieces that are not over
  std::atomic<bool> failed_{false}, given_up_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace peer::layers
