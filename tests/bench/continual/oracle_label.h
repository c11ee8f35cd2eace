// What a method would reach if every document's domain were known: each is predicted by the view of its domain alone.
#pragma once

#include <string>
#include <vector>

namespace peer::continual {

struct OracleScore {
  double new_loss = 0, average = 0;  // bits per byte: over the domains after the first, over all
};

// The mean over pools whose every domain has a view of its own. UsageError when a domain has none.
OracleScore oracle_score(const std::vector<std::string>& pools, int threads);

}  // namespace peer::continual
