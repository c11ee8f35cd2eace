// Folds the views of several stages into one of bounded size: a new view learns to predict as they do, on text that they write and on
// what reservoirs kept, and then they are gone from the model. Earlier generations still hold them.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "peer/model/mixture.h"
#include "trainer/evaluation/folding_cost.h"
#include "trainer/options/train_options.h"
#include "trainer/state/session.h"

namespace peer::trainer {

struct ConsolidationOptions {
  std::int64_t experts = 0;
  std::int64_t self_text = 64 << 10;
  double replay = 0;
  double max_forgetting = -1;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.experts, OptionInfo{"experts", "experts of the folded view, over all layers; 0: as many as the preset says", "experts"});
    visit(self.self_text, OptionInfo{"self-text", "text that each of the views writes, to be predicted as it predicts it", "bytes"});
    visit(self.replay, OptionInfo{"replay", "share of the windows that comes from the reservoirs of the views' domains, below 1; 0: none"});
    visit(self.max_forgetting,
          OptionInfo{"max-forgetting",
                     "commit only when no domain is worse by more than this than it ever was; else exit 3, head stays, and "
                     "the ref 'refused' names the result; below 0: no limit",
                     "bits a byte"});
  }
};

struct ConsolidationOutcome {
  bool refused = false;
  pool::CommitReport commit = {};
  std::vector<std::string> folded = {};                      // names of the views that are gone
  std::string view = {}, parent = {};                        // the view that took their place, and what it grew on
  std::int64_t parameters_before = 0, parameters_after = 0;  // of the whole model
  std::vector<FoldingCost> costs = {};
};

// The views that `to` has and `from` has not. UsageError unless from is an ancestor of to, to is head or an ancestor of it, there are at
// least two of them, and no other view grew on one of them.
std::vector<int> views_between(const Session& session, GenerationId from, GenerationId to);

// `stop`: nothing is kept, an Error says so.
ConsolidationOutcome consolidate(Session& session, const std::vector<int>& views, const ConsolidationOptions& options,
                                 const TrainOptions& train, const EvaluateOptions& evaluate, const model::MixtureOptions& mixture,
                                 std::uint64_t seed, Progress& progress, const std::atomic<bool>& stop);

}  // namespace peer::trainer
