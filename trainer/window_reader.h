#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "peer/device/buffer.h"
#include "peer/model/model.h"
#include "streams/document.h"
#include "trainer/window.h"

namespace peer::trainer {

// What one product-key block picked to predict one token of a document.
struct TokenPicks {
  std::size_t g, document;
  std::int64_t token;
  int view, layer;                   // where the block was grown
  std::span<const std::int64_t> id;  // (R) local numbers
  std::span<const float> gate;       // (R)
};
using TokenWatch = std::function<void(const TokenPicks& picks)>;

// Reads windows of many documents with the views of a model, a batch of one view's rows at a time. The shape of a batch never changes, so
// a row's numbers depend neither on how many rows are used nor on which documents they come from: the order of reading is free, and the
// fullest batch is always next. A document starts from the end-of-document token, without the document before.
class WindowReader {
 public:
  // `rows`: of a batch. Keeps the activations of each view it has read with: (rows, T) a view. `overlap`: see windows_of.
  WindowReader(Context& ctx, model::Model& model, std::span<const int> views, std::span<const streams::Document> documents,
               std::int64_t rows, double overlap);
  ~WindowReader();

  const std::vector<Window>& windows(std::size_t document) const { return texts_[document].windows; }
  // Puts window `window` of a document on view views[g]'s list.
  void ask(std::size_t g, std::size_t document, std::size_t window);
  // Reads one batch. Returns the documents of which everything asked for has now been read; nullopt when nothing was left to read.
  std::optional<std::vector<std::size_t>> read();
  // log_p[g][t]: natural log-probability of token t of the document, its bytes and then its end; NaN where view views[g] has not read.
  const std::vector<std::vector<float>>& log_p(std::size_t document) const { return texts_[document].log_p; }
  // Shows every block's picks for every token that is scored from now on.
  void watch(TokenWatch watch) { watch_ = std::move(watch); }
  std::int64_t windows_read() const { return windows_read_; }

 private:
  struct Text {
    std::vector<std::int32_t> tokens;
    std::vector<Window> windows;
    std::vector<std::vector<float>> log_p;  // by view and token
    std::size_t waiting = 0;                // windows asked for and not read yet
  };
  struct Row {
    std::size_t document, window;
  };
  struct Reading;  // one view: its list and its activations
  model::PickWatch watch_of(const Reading& reading, std::int64_t count) const;

  Context& ctx_;
  model::Model& model_;
  std::int64_t rows_, length_, windows_read_ = 0;
  std::vector<Text> texts_;
  std::vector<Reading> readings_;
  Buffer<std::int32_t> input_, target_;  // (rows * T)
  Buffer<float> nll_;                    // (rows * T)
  TokenWatch watch_;
};

}  // namespace peer::trainer
