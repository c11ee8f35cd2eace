#include "tests/bench/continual/oracle_label.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/state/held_out.h"
#include "trainer/state/session.h"

namespace peer::continual {
namespace {

int view_of(const trainer::Session& session, const std::string& domain) {
  for (int view = session.loaded.model.newest(); view >= 0; --view)
    if (session.loaded.model.views()[view].domain == domain) return view;
  throw UsageError(fmt::format("{}: no view is the domain '{}''s own, so a label has nothing to choose", session.pool.path(), domain));
}

}  // namespace

OracleScore oracle_score(const std::vector<std::string>& pools, int threads) {
  OracleScore score;
  for (const std::string& path : pools) {
    trainer::Session session = trainer::open_session(path, trainer::kHead, pool::Access::kRead, Device{}, threads);
    const auto& domains = session.loaded.history.domains;
    double sum = 0, first = 0;
    for (const trainer::DomainRecord& domain : domains) {
      const int views[] = {view_of(session, domain.name)};
      const auto documents = trainer::read_held_out(session.pool, domain);
      const double loss =
          trainer::bits_per_byte(trainer::score_domain(session.ctx, session.loaded.language(), views, documents, {}, {}).mixture);
      if (&domain == &domains.front()) first = loss;
      sum += loss;
    }
    const auto count = static_cast<double>(domains.size()), runs = static_cast<double>(pools.size());
    score.new_loss += (sum - first) / (count - 1) / runs;
    score.average += sum / count / runs;
  }
  return score;
}

}  // namespace peer::continual
