#include "trainer/chosen_view.h"

#include <cmath>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "trainer/growth.h"
#include "trainer/novelty.h"
#include "trainer/plasticity.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {

void name_base(model::Model& model, const StageOptions& stage, Progress& progress) {
  std::string& name = model.view(0).domain;
  if (!name.empty() && grows_view(stage))
    progress.note(fmt::format("trains the base in place, which knows '{}' and may forget it; to grow instead: peer-cli stream", name));
  name = name.empty() ? stage.domain : name + "+" + stage.domain;
}

// What the options say of growth does not hold for a base that is trained as it is.
void train_base(GrowthOptions& growth) {
  growth.grows = Growth::kNone, growth.predicts = Prediction::kHead;
  if (growth.trains != Trains::kExperts) growth.trains = Trains::kAll;
}

// Of --experts auto. 0: the text is no news to the parent view.
std::int64_t experts_worth(Session& session, const RunOptions& options, int parent, streams::Corpus& corpus, Progress& progress,
                           const std::atomic<bool>& stop) {
  const model::Model& model = session.loaded.model;
  const auto sample = sample_of(corpus.training());
  const Novelty novelty = novelty_of(session, parent, sample, options.evaluate, {progress, stop, "compare texts"});
  progress.note(fmt::format("view {}: {:.3f} bpb on the new text, {:.3f} on its own: {}", model.views()[parent].name, novelty.here,
                            novelty.own, novelty.verdict()));
  if (novelty.known()) return 0;
  const double gain = probe_gain(session, options, parent, corpus, sample, progress, stop);
  if (gain <= 0 && !novelty.is_new()) {
    progress.note(fmt::format("a probe gained {:.3f} bpb: known after all, nothing grows", gain));
    return 0;
  }
  const double bytes = static_cast<double>(options.train.steps * options.train.batch * model.options().context) * corpus.bytes_a_token();
  const std::int64_t experts = experts_for(gain, bytes, model.options(), session.delta);
  progress.note(fmt::format("a probe gained {:.3f} bpb: worth {} experts", gain, experts));
  return experts;
}

// Views that were grown on the base keep it from that, which extended_side() says.
bool extends_the_base(const Session& session, const RunOptions& options) {
  return options.stage.grows == Growth::kExtend && (options.grow_first || !trains_the_base(session, options));
}

ChosenView grow_view(Session& session, const RunOptions& options, streams::Corpus& corpus, Progress& progress,
                     const std::atomic<bool>& stop) {
  model::Model& model = session.loaded.model;
  const int parent =
      choose_parent(session.ctx, session.loaded.language(), options.stage.parent, corpus.training(), options.evaluate, progress, stop);
  if (stop) return {parent};
  const WantedExperts wanted = wanted_experts(options.stage.experts);
  const std::int64_t experts = wanted.by_novelty ? experts_worth(session, options, parent, corpus, progress, stop) : wanted.count;
  if (stop || (wanted.by_novelty && experts == 0)) return {parent, !stop};
  const model::DeltaOptions delta = delta_for(model.options(), session.delta, experts, options.stage.grows);
  const int view = model.add_view(parent, delta, options.stage.domain, true);
  progress.note(fmt::format("grows {} on {}: {} experts ({} a layer), {} numbers", model.view(view).name, model.view(parent).name,
                            experts_in(model, view), delta.annex_side * delta.annex_side, parameters_in(model, view)));
  return {view};
}

}  // namespace

bool trains_the_base(const Session& session, const RunOptions& options) {
  const bool nothing_learnt = !session.loaded.history.any_stage();  // what is grown on, is frozen: it should know something
  return session.loaded.model.newest() == 0 && (nothing_learnt || !grows_view(options.stage) || !options.grow_first);
}

void check_view_to_train(const Session& session, const RunOptions& options) {
  if (what_trains(options.stage) == Trains::kExperts && session.generation.tables.empty())
    throw UsageError(
        "option 'trains': expected a model with experts, found one with no experts: it was imported; peer-cli stream grows some");
  if (trains_the_base(session, options) || options.stage.grows == Growth::kExtend || options.stage.grows == Growth::kNone) return;
  const int open = session.loaded.history.open_view;
  if (options.grow_first && open >= 0)
    throw UsageError(fmt::format("stream: view {} was grown by hand and waits to be trained; peer-cli train first, or roll back",
                                 session.loaded.model.views()[open].name));
  if (!options.grow_first && open < 0)
    throw UsageError(
        "train: every view is frozen; peer-cli stream grows one and trains it, peer-cli grow grows by hand, --strategy naive "
        "trains all that is there");
}

void begin_growth(Session& session, const RunOptions& options, Progress& progress) {
  if (!extends_the_base(session, options)) return;
  model::Model& model = session.loaded.model;
  const std::int64_t before = model.options().peer_side,
                     side = extended_side(model, session.delta, wanted_experts(options.stage.experts).count);
  // As the stage will have them: rows are drawn where they are trained, and none is copied to there later.
  model.for_each_block(0, [](layers::PeerBlock& block, int) { block.experts().set_trainable(true); });
  model.extend(side);
  progress.note(fmt::format("extends the base's grids from {0}x{0} to {1}x{1}, {2} experts in all", before, side, experts_in(model, 0)));
}

ChosenView choose_view(Session& session, RunOptions& options, streams::Corpus& corpus, Progress& progress, const std::atomic<bool>& stop) {
  check_view_to_train(session, options);
  model::Model& model = session.loaded.model;
  History& history = session.loaded.history;
  ChosenView chosen;
  if (trains_the_base(session, options)) {
    name_base(model, options.stage, progress);
    if (options.grow_first && !history.any_stage() && grows_view(options.stage))
      progress.note("nothing was learnt yet: this stage trains the base, and those after it grow");
    if (!extends_the_base(session, options)) train_base(options.stage);
  } else if (options.stage.grows == Growth::kNone) {
    chosen.view = model.newest();
  } else if (options.grow_first) {
    chosen = grow_view(session, options, corpus, progress, stop);
  } else {
    chosen.view = history.open_view;
    model.view(chosen.view).domain = options.stage.domain;
  }
  history.open_view = -1;
  if (chosen.view == 0) model.open_all();
  return chosen;
}

}  // namespace peer::trainer
