// --penalty over a stage: what it needs of the stages before, the penalty while the stage trains, and what the stage leaves for the next.
#pragma once

#include <optional>

#include "streams/document.h"
#include "trainer/options/run_options.h"
#include "trainer/strategies/before_stage.h"
#include "trainer/strategies/path_integral.h"
#include "trainer/strategies/regulariser.h"

namespace peer::trainer {

// UsageError when a stage that is not the first has nothing to pull by.
void check_importances(const pool::Generation& before, const PenaltyOptions& options);

class Anchor {
 public:
  // UsageError when the stages before left no importances, or none that fit. Those and the path so far are read from there and from an
  // interrupted stage.
  Anchor(Session& session, const RunOptions& options, int view, const std::vector<int>& changed, BeforeStage& before);

  const Regulariser* penalty() const { return regulariser_ ? &*regulariser_ : nullptr; }  // nothing was learnt before: none
  PathIntegral* path() { return path_ ? &*path_ : nullptr; }

  void add_unfinished(ModelImage& image) const;
  // Measures on the stage's text what mattered to it.
  void finish(const std::vector<streams::Document>& training, pool::Transaction& transaction);

 private:
  ParameterField new_importance(const std::vector<streams::Document>& training);

  Session& session_;
  const RunOptions& options_;
  int view_;
  const std::vector<int>& changed_;
  BeforeStage& before_;
  std::optional<ParameterField> old_importance_, old_pull_;
  std::optional<Regulariser> regulariser_;
  std::optional<PathIntegral> path_;
};

}  // namespace peer::trainer
