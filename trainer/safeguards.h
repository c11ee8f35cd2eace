// What guards older domains while a stage trains: the penalty, the teacher, the replay, and the way back. Built from StageOptions; the
// stage calls it at the right moments and does not know which of them are on.
#pragma once

#include <optional>

#include "streams/corpus.h"
#include "trainer/baseline.h"
#include "trainer/rehearsal.h"
#include "trainer/session.h"
#include "trainer/stage.h"
#include "trainer/step.h"

namespace peer::trainer {

class Safeguards {
 public:
  // view: the one that is trained; changed: the views whose weights change; parent: the generation before the stage. UsageError when
  // the pool lacks what an option needs. Importances and the path so far are read from the parent and from an interrupted stage.
  Safeguards(Session& session, const RunOptions& options, int view, const std::vector<int>& changed, GenerationId parent);

  StepTerms terms();
  // The batch with replayed windows in it; valid until the next call.
  const streams::Batch& mix(const streams::Batch& batch, std::int64_t step);

  // What a resumed stage needs beside weights and moments.
  void save_unfinished(pool::Transaction& transaction) const;

  // Once the last step is done: moves the weights back by --keep, then measures and saves what later stages need. The changed views must
  // still be trainable, their statistics frozen.
  void finish(const std::vector<streams::Document>& training, pool::Transaction& transaction);

 private:
  bool has_past() const { return session_.loaded.history.stages.size() > 1; }
  LoadedModel& before();
  ParameterField weights_before();
  ParameterField stored_field(const pool::Generation& generation, const std::string& trunk, const std::string& what);
  void prepare_penalty();
  void prepare_replay();
  void move_back();
  ParameterField new_importance(const std::vector<streams::Document>& training);
  void save_importance(const std::vector<streams::Document>& training, pool::Transaction& transaction);
  void save_reservoir(const std::vector<streams::Document>& training, pool::Transaction& transaction);

  Session& session_;
  const RunOptions& options_;
  int view_;
  const std::vector<int>& changed_;
  pool::Generation parent_;
  std::optional<LoadedModel> before_;  // the model before the stage, loaded when somebody asks
  std::optional<ParameterField> old_importance_, old_pull_;
  std::optional<Regulariser> regulariser_;
  std::optional<PathIntegral> path_;
  std::optional<Teacher> teacher_;
  std::optional<Rehearsal> rehearsal_;
  streams::Batch mixed_;
};

}  // namespace peer::trainer
