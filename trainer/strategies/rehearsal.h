// What is replayed: windows of older domains' reservoirs, in an exact share of every batch's windows.
#pragma once

#include <cstdint>
#include <vector>

#include "streams/batch_stream.h"

namespace peer::trainer {

class Rehearsal {
 public:
  // `domains`: what each reservoir kept, none empty. share in [0, 1]; 1: every domain, old and new, gets the same share.
  // `tokenizer` outlives the rehearsal.
  Rehearsal(std::vector<std::vector<streams::Document>> domains, const streams::Tokenizer& tokenizer, double share, std::int64_t length,
            std::uint64_t seed);
  Rehearsal(const Rehearsal&) = delete;  // its streams point into its documents

  // After step s, floor((s + 1) * share * B) rows were replayed in all, from the domains in turn: exact at every step, whatever the share.
  // Puts those of this step in the place of the batch's first rows. A function of (batch, step): steps may start anywhere.
  void mix(streams::Batch& batch, std::int64_t step);
  // Puts a replayed row in the place of every row, whatever the share; for a rehearsal that mixes nothing.
  void fill(streams::Batch& batch, std::int64_t step);

  double share() const { return share_; }

 private:
  void seek(std::int64_t row);
  void replay(streams::Batch& batch, std::int64_t begin, std::int64_t end);  // rows of all replayed ones

  std::vector<std::vector<streams::Document>> domains_;
  const streams::Tokenizer& tokenizer_;
  double share_;
  std::int64_t length_;
  std::uint64_t seed_;
  std::vector<streams::BatchStream> streams_;
  std::int64_t next_row_ = -1;  // of all replayed rows; -1: the streams were not started
};

}  // namespace peer::trainer
