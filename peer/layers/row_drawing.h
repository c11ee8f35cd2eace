// Rows that are drawn while their owner goes on with other rows: by a thread of its own, and once the owner takes steps, in pieces between
// those. Which thread draws a row decides nothing of it, so the result is that of drawing them at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace peer::layers {

// Drawings that share a turn go on one at a time, so that the blocks of a model together take no more than one would.
struct DrawingTurn {
  std::mutex taken;
  std::chrono::steady_clock::time_point rests_since{};  // when pieces between steps were last drawn
};

class RowDrawing {
 public:
  // draw(first, end) of pieces of [first, end), each once, several at the same time. The thread has a low priority: others that compute
  // keep their cores, and it takes what they leave. Where the system gives no thread, all is drawn on return.
  RowDrawing(std::int64_t first, std::int64_t end, std::function<void(std::int64_t first, std::int64_t end)> draw,
             std::shared_ptr<DrawingTurn> turn = {});
  RowDrawing(const RowDrawing&) = delete;
  RowDrawing& operator=(const RowDrawing&) = delete;
  // Waits for the pieces that were begun; the others are never drawn. Requires: nobody waits.
  ~RowDrawing();

  std::int64_t first() const { return first_; }
  // Whether every row is there.
  bool done() const { return left_ == 0 && !failed_; }
  // Between two steps of the owner: draws with `threads` threads for a quarter of the time since this was last done, or a quarter of a
  // second if that is less. From the first call on nobody else draws but who waits: a thread beside the steps takes a core from one of
  // theirs, and the others wait for that one.
  void draw_between_steps(int threads);
  // Draws what is left, with all threads of the caller, and returns when every row is there. Throws what a draw threw, to everyone who
  // waits. Several threads may wait.
  void wait();

 private:
  std::int64_t pieces() const;
  void draw_beside();
  bool draw_next();  // false when nobody needs to draw any more
  void draw_piece(std::int64_t piece);

  const std::int64_t first_, end_;
  const std::function<void(std::int64_t, std::int64_t)> draw_;
  const std::shared_ptr<DrawingTurn> turn_;
  std::atomic<std::int64_t> next_{0};  // the piece that nobody has taken yet
  std::atomic<std::int64_t> left_;     // pieces that are not over
  std::atomic<bool> failed_{false}, given_up_{false}, between_steps_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace peer::layers
