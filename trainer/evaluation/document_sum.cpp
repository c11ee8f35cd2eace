#include "trainer/evaluation/document_sum.h"

#include "peer/base/require.h"

namespace peer::trainer {

void DocumentSum::add(const std::string& domain, const std::vector<DocumentBits>& documents, double weight) {
  auto& mine = by_domain_[domain];
  if (mine.empty())
    for (const DocumentBits& document : documents) mine.push_back({0, document.bytes});
  require(mine.size() == documents.size(), "document_sum: a domain must have the same documents in every run");
  for (std::size_t i = 0; i < documents.size(); ++i) {
    require(mine[i].bytes == documents[i].bytes, "document_sum: a document must have the same bytes in every run");
    mine[i].bits += weight * documents[i].bits;
  }
}

void DocumentSum::add(const DocumentSum& other, double weight) {
  for (const auto& [domain, documents] : other.by_domain_) add(domain, documents, weight);
}

double DocumentSum::value() const {
  if (by_domain_.empty()) return kMissing;
  double sum = 0;
  for (const auto& [domain, documents] : by_domain_) sum += bits_per_byte(documents);
  return sum;
}

Interval DocumentSum::interval(int draws, std::uint64_t seed) const {
  // The bootstrap takes a mean over domains: a sum is that of as many times the bits.
  const auto domains = static_cast<double>(by_domain_.size());
  std::vector<DocumentPairs> pairs;
  for (const auto& [domain, documents] : by_domain_) {
    auto& [before, after] = pairs.emplace_back();
    for (const DocumentBits& document : documents) {
      before.push_back({0, document.bytes});
      after.push_back({document.bits * domains, document.bytes});
    }
  }
  return mean_paired_bootstrap(pairs, draws, seed);
}

}  // namespace peer::trainer
