#include "streams/batch_stream.h"

#include <algorithm>

#include "peer/base/require.h"

namespace peer::streams {

BatchStream::BatchStream(const std::vector<Document>& documents, const Tokenizer& tokenizer, std::int64_t shuffle_windows,
                         const Reading& reading)
    : shuffle_windows_(shuffle_windows),
      packer_(DocumentTokens(documents, tokenizer, reading)),
      shuffle_(shuffle_windows),
      order_(documents.size()) {}

void BatchStream::start(std::int64_t rows, std::int64_t length, std::uint64_t seed, std::int64_t batches) {
  require(rows >= 1 && length >= 1 && batches >= 0, "batch stream: at least one row of one token");
  seed_ = seed;
  batches_ = batches;
  batch_.rows = rows;
  batch_.length = length;
  batch_.tokens.reserve(static_cast<std::size_t>(rows * (length + 1)));
  windows_ = std::max<std::int64_t>(1, packer_.size() / length);
  const std::int64_t handed_out = batches * rows;
  begin_epoch(handed_out / windows_);
  for (std::int64_t i = 0; i < handed_out % windows_; ++i) shuffle_.next();
}

const Batch& BatchStream::next() {
  require(batch_.rows > 0, "batch stream: start before next");
  batch_.tokens.clear();
  batch_.bytes = 0;
  for (std::int64_t row = 0; row < batch_.rows; ++row) append_window();
  ++batches_;
  return batch_;
}

std::int64_t BatchStream::epoch() const { return windows_ == 0 ? 0 : batches_ * batch_.rows / windows_; }

void BatchStream::begin_epoch(std::int64_t epoch) {
  epoch_ = epoch;
  shuffle_.begin(windows_, seed_, epoch);
  if (shuffle_windows_ == 1) return;
  permute(seed_, epoch, order_);
  packer_.arrange(order_);
}

void BatchStream::append_window() {
  if (shuffle_.empty()) begin_epoch(epoch_ + 1);
  const std::int64_t position = (epoch_ * windows_ + shuffle_.next()) * batch_.length;
  packer_.append(position, batch_.length + 1, batch_.tokens);
  batch_.bytes +=
      bytes_of(packer_.documents().tokenizer(), batch_.tokens.data() + std::ssize(batch_.tokens) - batch_.length, batch_.length);
}

}  // namespace peer::streams
