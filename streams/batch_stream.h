#pragma once

#include <cstdint>
#include <vector>

#include "streams/batch.h"
#include "streams/document.h"
#include "streams/packer.h"
#include "streams/shuffle.h"

namespace peer::streams {

// Batches without end. An epoch is max(1, L / T) windows of the packed documents (L tokens), each window once: every token is a target
// once, but for the fewer than T at the end, where the next epoch starts. Each epoch shuffles documents and windows anew; with a
// buffer of one window both keep their order and the epochs are one unbroken text.
class BatchStream {
 public:
  // `documents` (not empty) and `tokenizer` outlive the stream. ReadingStopped when reading.stop is set before all tokens are found.
  BatchStream(const std::vector<Document>& documents, const Tokenizer& tokenizer, std::int64_t shuffle_windows,
              const Reading& reading = {});

  // The stream of this seed from batch number `batches` on: O(documents + windows of an epoch), whatever the number.
  void start(std::int64_t rows, std::int64_t length, std::uint64_t seed, std::int64_t batches);
  const Batch& next();  // allocates nothing
  std::int64_t batches() const { return batches_; }
  std::int64_t epoch() const;                             // of the next batch's first window
  std::int64_t tokens() const { return packer_.size(); }  // of the documents and their ends

 private:
  void begin_epoch(std::int64_t epoch);
  void append_window();

  std::int64_t shuffle_windows_;
  Packer packer_;
  WindowShuffle shuffle_;
  std::vector<std::int64_t> order_;  // of the documents
  std::uint64_t seed_ = 0;
  std::int64_t windows_ = 0;  // of an epoch
  std::int64_t epoch_ = 0;    // of the windows in the shuffle
  std::int64_t batches_ = 0;
  Batch batch_;
};

}  // namespace peer::streams
