#include "trainer/novelty.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "trainer/evaluation/evaluate.h"
#include "trainer/growth.h"
#include "trainer/plasticity.h"
#include "trainer/schedule.h"
#include "trainer/state/held_out.h"
#include "trainer/step.h"

namespace peer::trainer {
namespace {

constexpr int kDraws = 1000;
constexpr double kBitsANumber = 2;
constexpr std::int64_t kProbeShare = 10, kFewestProbeSteps = 10;

std::vector<DocumentBits> score(Context& ctx, LanguageModel language, int view, std::span<const streams::Document> documents,
                                const EvaluateOptions& options, const ScoringWatch& watch) {
  const int views[] = {view};
  return score_domain(ctx, language, views, documents, options, {}, {}, {}, watch).mixture;
}

}  // namespace

Novelty novelty_of(Session& session, int view, std::span<const streams::Document> sample, const EvaluateOptions& options,
                   const ScoringWatch& watch) {
  std::vector<streams::Document> own;
  for (const DomainRecord* domain : session.loaded.history.taught(view))
    for (streams::Document& document : read_held_out(session.pool, *domain)) own.push_back(std::move(document));
  const auto here_bits = score(session.ctx, session.loaded.language(), view, sample, options, watch.part(0, 2, "the new text"));
  const auto own_bits = score(session.ctx, session.loaded.language(), view, own, options, watch.part(1, 2, "its own text"));
  return {
      .here = bits_per_byte(here_bits), .own = bits_per_byte(own_bits), .difference = unpaired_bootstrap(here_bits, own_bits, kDraws, 0)};
}

const char* Novelty::verdict() const {
  if (known()) return "known, nothing grows";
  if (is_new()) return "new";
  return std::isnan(difference.high) ? "too few documents to tell" : "not decided";
}

double probe_gain(Session& session, const RunOptions& options, int parent, streams::Corpus& corpus,
                  std::span<const streams::Document> sample, Progress& progress, const std::atomic<bool>& stop) {
  LoadedModel copy = load_model(session.pool, session.generation, session.ctx.device());
  const double before =
      bits_per_byte(score(session.ctx, copy.language(), parent, sample, options.evaluate, {progress, stop, "score before the probe"}));
  const int view = copy.model.add_view(parent, delta_for(copy.model.options(), session.delta, 0, options.stage.grows), "probe", true);
  make_plastic(copy.model, view, Trains::kGrown);
  TrainOptions train = later_stage(options.train);  // as the stage itself would: something was learnt before, or nothing could be known
  train.steps = std::max(kFewestProbeSteps, options.train.steps / kProbeShare);
  corpus.start(train.batch, copy.model.options().context, {.seed = static_cast<std::uint64_t>(options.seed) + 1});
  TrainingStep step(session.ctx, copy.model, view, train);
  for (std::int64_t i = 0; i < train.steps && !stop; ++i) {
    const streams::Batch& batch = corpus.next();
    if (i == 0) meet_first_batch(session.ctx, copy.model, view, step, batch);
    const double loss = step.run(batch, i);
    progress.update("probe " + options.stage.domain, i + 1, train.steps, fmt::format("{:.3f} bpb", loss));
  }
  freeze(copy.model, {view});
  return before - bits_per_byte(score(session.ctx, copy.language(), view, sample, options.evaluate, {progress, stop, "score the probe"}));
}

std::int64_t experts_for(double gain, double bytes, const model::ModelOptions& model, const model::DeltaOptions& preset) {
  const double wanted = std::max(0.0, gain) * bytes / (kBitsANumber * 2 * static_cast<double>(model.width));
  const auto in_all = [&](std::int64_t side) {
    return static_cast<double>(std::max<std::int64_t>(preset.annexes(model.layers), 1) * side * side);
  };
  return static_cast<std::int64_t>(
      std::clamp(std::ceil(wanted), in_all(preset.annex_top_k), 4 * in_all(std::max(preset.annex_side, preset.annex_top_k))));
}

}  // namespace peer::trainer
