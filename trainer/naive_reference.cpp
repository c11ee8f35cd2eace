#include "trainer/naive_reference.h"

#include <fmt/format.h>

#include "trainer/evaluation/evaluate.h"
#include "trainer/plasticity.h"
#include "trainer/schedule.h"
#include "trainer/state/held_out.h"
#include "trainer/step.h"

namespace peer::trainer {

double naive_reference(Session& session, const RunOptions& options, streams::Corpus& corpus, Progress& progress,
                       const std::atomic<bool>& stop) {
  LoadedModel copy = load_model(session.pool, session.generation, session.ctx.device());
  const int view = copy.model.newest();
  TrainOptions train = session.loaded.history.any_stage() ? later_stage(options.train) : options.train;
  train.delta_rate = train.trunk_rate;  // nothing starts at zero here: one rate for all dense tensors
  make_plastic(copy.model, view, Trains::kAll);
  corpus.start(train.batch, copy.model.options().context, {.seed = static_cast<std::uint64_t>(options.seed)});
  TrainingStep step(session.ctx, copy.model, view, train);
  for (std::int64_t i = 0; i < train.steps && !stop; ++i) {
    const double loss = step.run(corpus.next(), i);
    progress.update("naive reference " + options.stage.domain, i + 1, train.steps, fmt::format("{:.3f} bpb", loss));
  }
  const auto documents = select_held_out(corpus.held_out(), options.measure.eval_bytes);
  const int views[] = {view};
  const ScoringWatch watch(progress, stop, "score naive reference " + options.stage.domain);
  return bits_per_byte(
      score_domain(session.ctx, copy.language(), views, documents, options.evaluate, options.mixture, {}, {}, watch).mixture);
}

}  // namespace peer::trainer
