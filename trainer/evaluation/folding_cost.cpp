#include "trainer/evaluation/folding_cost.h"

namespace peer::trainer {

std::vector<FoldingCost> folding_costs(const pool::Pool& pool, const StageRecord& before, const StageRecord& after) {
  std::vector<FoldingCost> costs;
  for (const auto& [domain, loss] : after.loss) {
    const auto old = before.loss.find(domain);
    if (old == before.loss.end()) continue;
    costs.push_back({.domain = domain,
                     .before = old->second,
                     .after = loss,
                     .difference = paired_bootstrap(read_bits(pool, before.bits.at(domain)), read_bits(pool, after.bits.at(domain)),
                                                    kBootstrapDraws, kBootstrapSeed)});
  }
  return costs;
}

}  // namespace peer::trainer
