#include "trainer/evaluation/references.h"

#include <cmath>
#include <set>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "pool/pool.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::trainer {
namespace {

void check_same_text(const History& history, const ReferencePool& reference) {
  for (const DomainRecord& domain : history.domains)
    if (const DomainRecord* other = reference.history.domain(domain.name); other != nullptr && other->held_out != domain.held_out)
      throw UsageError(
          fmt::format("{}: '{}' was held out from other text ({} bytes, expected {}), so losses cannot be compared; train it "
                      "with the same --from, --held-out-share, --document-bytes and --eval-bytes",
                      reference.path, domain.name, other->bytes, domain.bytes));
}

}  // namespace

ReferencePool read_reference(const std::string& path) {
  const pool::Pool pool = pool::Pool::open(path, pool::Access::kRead);
  return {path, parse_state(pool.generation(pool.resolve(kHead)).state, path).history};
}

std::vector<double> joint_losses(const History& history, const ReferencePool& joint) {
  check_same_text(history, joint);
  std::vector<double> losses(history.domains.size(), kMissing);
  std::set<std::string> wanted;
  for (std::size_t k = 0; k < losses.size(); ++k) {
    wanted.insert(history.domains[k].name);
    if (k >= joint.history.domains.size()) break;
    const std::size_t own = joint.history.learnt(joint.history.domains[k].name);
    if (own >= joint.history.stages.size()) break;
    const auto& row = joint.history.stages[own].loss;
    std::set<std::string> seen;
    for (std::size_t j = 0; j <= k; ++j) seen.insert(joint.history.domains[j].name);
    const auto cell = row.find(history.domains[k].name);
    if (seen == wanted && cell != row.end()) losses[k] = cell->second;
  }
  return losses;
}

std::vector<double> oracle_losses(const History& history, const std::vector<ReferencePool>& oracles) {
  std::vector<double> losses(history.domains.size(), kMissing);
  for (const ReferencePool& oracle : oracles) {
    check_same_text(history, oracle);
    for (std::size_t j = 0; j < losses.size(); ++j) {
      const auto& last = oracle.history.stages.back().loss;
      if (const auto cell = last.find(history.domains[j].name); cell != last.end()) losses[j] = std::fmin(losses[j], cell->second);
    }
  }
  return losses;
}

}  // namespace peer::trainer
