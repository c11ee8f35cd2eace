#include "trainer/strategies/rehearsal.h"

#include <algorithm>
#include <cmath>

#include "peer/base/require.h"

namespace peer::trainer {
namespace {

constexpr std::int64_t kShuffleWindows = 4096;

}  // namespace

Rehearsal::Rehearsal(std::vector<std::vector<streams::Document>> domains, const streams::Tokenizer& tokenizer, double share,
                     std::int64_t length, std::uint64_t seed)
    : domains_(std::move(domains)), tokenizer_(tokenizer), share_(share), length_(length), seed_(seed) {
  require(!domains_.empty(), "rehearsal: there must be a domain to replay");
  const auto known = static_cast<double>(domains_.size());
  if (share_ == 1) share_ = known / (known + 1);
  for (const auto& documents : domains_) {
    require(!documents.empty(), "rehearsal: a reservoir must not be empty");
    streams_.emplace_back(documents, tokenizer_, kShuffleWindows);
  }
}

void Rehearsal::seek(std::int64_t row) {
  const auto domains = static_cast<std::int64_t>(streams_.size());
  for (std::int64_t d = 0; d < domains; ++d)
    streams_[d].start(1, length_, seed_ + static_cast<std::uint64_t>(d), (row + domains - 1 - d) / domains);
  next_row_ = row;
}

void Rehearsal::mix(streams::Batch& batch, std::int64_t step) {
  const double rows_a_step = share_ * static_cast<double>(batch.rows);
  replay(batch, static_cast<std::int64_t>(std::floor(static_cast<double>(step) * rows_a_step)),
         static_cast<std::int64_t>(std::floor(static_cast<double>(step + 1) * rows_a_step)));
}

void Rehearsal::fill(streams::Batch& batch, std::int64_t step) { replay(batch, step * batch.rows, (step + 1) * batch.rows); }

void Rehearsal::replay(streams::Batch& batch, std::int64_t begin, std::int64_t end) {
  require(batch.length == length_, "rehearsal: the batch must have the windows' length");
  if (next_row_ != begin) seek(begin);
  for (; next_row_ < end; ++next_row_) {
    std::int32_t* row = batch.tokens.data() + (next_row_ - begin) * (length_ + 1);
    const streams::Batch& window = streams_[static_cast<std::size_t>(next_row_) % streams_.size()].next();
    batch.bytes += window.bytes - streams::bytes_of(tokenizer_, row + 1, length_);
    std::copy(window.tokens.begin(), window.tokens.end(), row);
  }
}

}  // namespace peer::trainer
