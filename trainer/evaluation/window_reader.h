#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "peer/device/buffer.h"
#include "peer/model/model.h"
#include "streams/document.h"
#include "trainer/evaluation/window.h"
#include "trainer/state/language_model.h"

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
// fullest batch is always next. What the lowest blocks compute alike in all of the views is computed once for a window, and kept until
// the last view that was asked for it has gone on from there: at most a batch a view waits at a time. A document starts from the
// end-of-document token, without the document before.
class WindowReader {
 public:
  // `rows`: of a batch. Keeps the activations of each view it has read with: (rows, T) a view. `overlap`: see windows_of.
  WindowReader(Context& ctx, LanguageModel language, std::span<const int> views, std::span<const streams::Document> documents,
               std::int64_t rows, double overlap);
  ~WindowReader();

  const std::vector<Window>& windows(std::size_t document) const { return texts_[document].windows; }
  // The same in bytes of the document's text, and one more for its end.
  std::vector<Window> windows_in_bytes(std::size_t document) const;
  // Puts window `window` of a document on view views[g]'s list.
  void ask(std::size_t g, std::size_t document, std::size_t window);
  // Reads one batch. Returns the documents of which everything asked for has now been read; nullopt when nothing was left to read.
  std::optional<std::vector<std::size_t>> read();
  // log_p[g][t]: natural log-probability of token t of the document, and then of its end; NaN where view views[g] has not read.
  const std::vector<std::vector<float>>& log_p(std::size_t document) const { return texts_[document].log_p; }
  // Shows every block's picks for every token that is scored. Before anything is asked; no view shares its blocks then.
  void watch(TokenWatch watch);
  std::int64_t windows_read() const { return windows_read_; }        // of all views
  std::int64_t blocks_computed() const { return blocks_computed_; }  // of all views and windows

 private:
  struct Text {
    std::vector<std::int32_t> tokens;
    std::vector<Window> windows;
    std::vector<std::vector<float>> log_p;  // by view and token
    std::size_t waiting = 0;                // windows asked for and not read yet
  };
  // What the shared blocks left of a batch of windows: (rows * T, D).
  using Below = std::shared_ptr<const Buffer<float>>;
  struct Row {
    std::size_t document, window;
    Below below = {};           // none when nothing is shared
    std::int64_t of_below = 0;  // its row there
  };
  struct Reading;  // one view: its list and its activations
  bool full_batch() const;
  void read_below();
  void fill(std::int64_t row, const Row& asked);
  std::vector<std::int64_t> scored_pieces(std::int64_t size) const;
  model::Activations& activations(Reading& reading);
  model::PickWatch watch_of(const Reading& reading, std::int64_t count) const;

  Context& ctx_;
  model::Model& model_;
  const streams::Tokenizer& tokenizer_;
  std::int64_t rows_, length_, windows_read_ = 0, blocks_computed_ = 0;
  int shared_;  // blocks
  std::vector<Text> texts_;
  std::vector<Reading> readings_;
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> asked_;  // document and window -> views; where blocks are shared
  Buffer<std::int32_t> input_, target_;                                            // (rows * T)
  Buffer<float> nll_;                                                              // (rows * T)
  TokenWatch watch_;
};

}  // namespace peer::trainer
