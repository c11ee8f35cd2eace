// What guards older domains while a stage trains: the penalty, the teacher, the replay, the masks and the averages. Built from
// StageOptions; the stage calls it at the right moments and does not know which of them are on.
#pragma once

#include <optional>

#include "streams/corpus.h"
#include "trainer/options/run_options.h"
#include "trainer/state/session.h"
#include "trainer/strategies/anchor.h"
#include "trainer/strategies/grown_part.h"
#include "trainer/strategies/orthogonality.h"
#include "trainer/strategies/rehearsal.h"
#include "trainer/strategies/step_terms.h"
#include "trainer/strategies/weight_average.h"

namespace peer::trainer {

// UsageError where a stage that is not the first needs what no stage before it left: importances, reservoirs, retrievals. Costs nothing,
// and is asked before any text is read.
void check_safeguards(const Session& session, const StageOptions& stage);

class Safeguards {
 public:
  // view: the one that is trained; changed: the views whose weights change; parent: the generation before the stage. UsageError when
  // the pool lacks what an option needs. What the stage has gathered so far is read from an interrupted one.
  Safeguards(Session& session, const RunOptions& options, int view, const std::vector<int>& changed, GenerationId parent);

  StepTerms terms();
  // The batch with replayed windows in it; valid until the next call.
  const streams::Batch& mix(const streams::Batch& batch, std::int64_t step);
  void after_step();
  // Weights moved before the first step, by a look at its batch: the stage starts from those of now.
  void weights_were_placed();

  // What a resumed stage needs beside weights and moments.
  void add_unfinished(ModelImage& image) const;

  // Once the last step is done: takes the average of the weights, moves them back by --keep, then measures and saves what later stages
  // need. The changed views must still be trainable, their statistics frozen.
  void finish(const std::vector<streams::Document>& training, pool::Transaction& transaction);

 private:
  // `rehearsal` is left alone when the only domain is learnt further.
  void rehearse(double share, std::uint64_t seed, std::optional<Rehearsal>& rehearsal);
  void rehearse_self_text(std::uint64_t seed);
  void prepare_sparse_rows();
  void save_background(const std::vector<streams::Document>& training, pool::Transaction& transaction);
  void save_reservoir(const std::vector<streams::Document>& training, pool::Transaction& transaction);

  Session& session_;
  const RunOptions& options_;
  int view_;
  const std::vector<int>& changed_;
  BeforeStage before_;
  std::optional<Anchor> anchor_;
  std::optional<Orthogonality> orthogonality_;
  std::optional<Teacher> teacher_;
  std::optional<Rehearsal> replay_, reference_;
  std::optional<GrownPart> grown_;
  std::optional<RetrievalBackground> background_;
  std::optional<SparseRows> sparse_;
  std::optional<WeightAverage> average_;
  streams::Batch mixed_;
};

}  // namespace peer::trainer
