// A number that is linear in the bits of documents: sum over domains of weight * bits / bytes. Losses, forgetting, their means over domains
// and runs and the differences of all these are such numbers, so one paired bootstrap serves them all.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "trainer/evaluation/bootstrap.h"

namespace peer::trainer {

class DocumentSum {
 public:
  // Adds weight * bits_per_byte(documents). ContractError unless the domain's documents are always the same ones.
  void add(const std::string& domain, const std::vector<DocumentBits>& documents, double weight);
  void add(const DocumentSum& other, double weight);

  double value() const;                                    // kMissing when empty
  Interval interval(int draws, std::uint64_t seed) const;  // 95 %, over documents of every domain

 private:
  std::map<std::string, std::vector<DocumentBits>> by_domain_;  // weighted bits
};

}  // namespace peer::trainer
