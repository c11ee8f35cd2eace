#include "trainer/state/byte_bigrams.h"

#include <cmath>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"

namespace peer::trainer {
namespace {

// (c(b) + d * coarser[b]) / (total + d) for 256 counts; `coarser` alone when nothing was counted.
std::vector<double> interpolate(const float* counts, const std::vector<double>& coarser) {
  double total = 0, different = 0;
  for (std::int64_t b = 0; b < ByteBigrams::kBytes; ++b) total += counts[b], different += counts[b] > 0;
  std::vector<double> p = coarser;
  if (total > 0)
    for (std::int64_t b = 0; b < ByteBigrams::kBytes; ++b) p[b] = (counts[b] + different * coarser[b]) / (total + different);
  return p;
}

std::int64_t before(std::string_view document, std::size_t t) {
  return t == 0 ? ByteBigrams::kBytes : static_cast<unsigned char>(document[t - 1]);
}

}  // namespace

ByteBigrams::ByteBigrams(std::vector<float> counts) : counts_(std::move(counts)) {
  if (counts_.size() != kBefore * kBytes)
    throw CorruptError(fmt::format("byte bigrams: expected {} counts, found {}", kBefore * kBytes, counts_.size()));
  for (const float count : counts_) {
    if (!(count >= 0 && std::isfinite(count))) throw CorruptError(fmt::format("byte bigrams: {} is no count", count));
    total_ += count;
  }
}

void ByteBigrams::add(std::string_view document) {
  for (std::size_t t = 0; t < document.size(); ++t) counts_[before(document, t) * kBytes + static_cast<unsigned char>(document[t])] += 1;
  total_ += static_cast<double>(document.size());
}

void ByteBigrams::add(const ByteBigrams& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

std::vector<float> ByteBigrams::log_probabilities() const {
  std::vector<float> singles(kBytes);
  for (std::size_t i = 0; i < counts_.size(); ++i) singles[i % kBytes] += counts_[i];
  const std::vector<double> p = interpolate(singles.data(), std::vector<double>(kBytes, 1.0 / kBytes));
  std::vector<float> table;
  for (std::int64_t a = 0; a < kBefore; ++a)
    for (const double q : interpolate(counts_.data() + a * kBytes, p)) table.push_back(static_cast<float>(std::log(q)));
  return table;
}

std::vector<float> score_bytes(const std::vector<float>& log_probabilities, std::string_view document) {
  require(log_probabilities.size() == ByteBigrams::kBefore * ByteBigrams::kBytes, "byte bigrams: a table has 257 * 256 numbers");
  std::vector<float> log_p;
  for (std::size_t t = 0; t < document.size(); ++t)
    log_p.push_back(log_probabilities[before(document, t) * ByteBigrams::kBytes + static_cast<unsigned char>(document[t])]);
  return log_p;
}

}  // namespace peer::trainer
