#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace peer::trainer {

// How often each byte follows each in a view's training text: what tells one domain from another for almost nothing.
class ByteBigrams {
 public:
  static constexpr std::int64_t kBytes = 256;
  static constexpr std::int64_t kBefore = kBytes + 1;  // the byte before, or the beginning of a document

  ByteBigrams() = default;  // of no text
  // counts (257, 256) by the byte before and the byte. CorruptError unless it has that size and every number is a count.
  explicit ByteBigrams(std::vector<float> counts);

  void add(std::string_view document);
  void add(const ByteBigrams& other);
  const std::vector<float>& counts() const { return counts_; }
  bool empty() const { return total_ == 0; }

  // table[before * 256 + byte]: natural log-probability, interpolated with the single bytes' and the uniform distribution by Witten & Bell
  // (1991): p(b|a) = (c(a,b) + d(a) p(b)) / (c(a) + d(a)), where d counts the different bytes seen after a. Never 0.
  std::vector<float> log_probabilities() const;

 private:
  std::vector<float> counts_ = std::vector<float>(kBefore * kBytes);
  double total_ = 0;
};

// log_p[t] of byte t of the document under such a table.
std::vector<float> score_bytes(const std::vector<float>& log_probabilities, std::string_view document);

}  // namespace peer::trainer
