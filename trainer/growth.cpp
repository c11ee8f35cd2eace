#include "trainer/growth.h"

#include <fmt/format.h>

#include "peer/layers/key_grid.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {
constexpr std::int64_t kParentSampleBytes = 16 << 10;
}

model::DeltaOptions delta_for(const model::ModelOptions& model, const model::DeltaOptions& preset, std::int64_t experts, Growth grows) {
  model::DeltaOptions delta = preset;
  if (grows == Growth::kAdapters) {
    if (experts > 0) throw UsageError("option 'experts': expected preset beside --grows adapters, which adds none");
    delta.annex_side = delta.dense_hidden = 0;
  }
  if (experts < 0) throw UsageError(fmt::format("option 'experts': expected 0 or more, found {}", experts));
  if (experts > 0) {
    if (delta.annex_side == 0) delta.annex_side = preset.annex_top_k;
    const std::int64_t annexes = std::max<std::int64_t>(delta.annexes(model.layers), 1), a_layer = (experts + annexes - 1) / annexes;
    delta.annex_side = std::max(layers::grid_side(a_layer), delta.annex_top_k);  // a head must find top-k sub-keys
  }
  model::check(delta, model);
  return delta;
}

std::int64_t extended_side(const model::Model& model, const model::DeltaOptions& preset, std::int64_t experts) {
  if (model.newest() > 0)
    throw UsageError("extend: it enlarges the base's grids, on which views were grown that would change with them; grow an annex instead");
  const model::ModelOptions& shape = model.options();
  const auto grids = static_cast<std::int64_t>(shape.peer_layers.size());
  if (grids == 0) throw UsageError("extend: the base has no PEER layer; grow an annex instead");
  if (experts == 0) experts = preset.annexes(shape.layers) * preset.annex_side * preset.annex_side;
  const std::int64_t a_grid = shape.peer_side * shape.peer_side + (experts + grids - 1) / grids;
  return layers::grid_side(a_grid);
}

std::vector<streams::Document> sample_of(std::span<const streams::Document> documents) {
  return select_held_out({documents.begin(), documents.end()}, kParentSampleBytes);
}

int choose_parent(Context& ctx, LanguageModel language, const std::string& parent, std::span<const streams::Document> documents,
                  const EvaluateOptions& options, Progress& progress, const std::atomic<bool>& stop) {
  const model::Model& model = language.model;
  if (const auto named = named_parent(model, parent)) return *named;
  if (model.newest() == 0) return 0;
  const auto sample = sample_of(documents);
  int best = 0;
  double best_bits = 0;
  const ScoringWatch watch(progress, stop, "compare views");
  const std::vector<int> all = all_views(model);
  std::int64_t scored = 0;
  for (const int v : all) {
    const int views[] = {v};
    const ScoringWatch part = watch.part(scored++, std::ssize(all), "view " + model.views()[v].name);
    const double bits = bits_per_byte(score_domain(ctx, language, views, sample, options, {}, {}, {}, part).mixture);
    progress.note(
        fmt::format("view {:<5} {:<12} {:.3f} bpb on a sample of the new text", model.views()[v].name, model.views()[v].domain, bits));
    if (v == 0 || bits < best_bits) best = v, best_bits = bits;
  }
  return best;
}

pool::CommitReport grow(Session& session, std::int64_t experts, GrowMode mode, const std::string& parent, Progress& progress) {
  model::Model& model = session.loaded.model;
  History& history = session.loaded.history;
  if (history.open_view >= 0)
    throw UsageError(fmt::format("grow: view {} was grown and not trained yet; train it first", model.view(history.open_view).name));
  if (mode == GrowMode::kAnnex && !history.any_stage())
    throw UsageError("grow: nothing was learnt yet, and what a view grows on stays as it is; peer-cli train the base first");
  int changed = 0;
  std::string message;
  if (mode == GrowMode::kAnnex) {
    const int on = parent == "auto" ? model.newest() : *named_parent(model, parent);
    changed = model.add_view(on, delta_for(model.options(), session.delta, experts), "", true);
    history.open_view = changed;
    message = fmt::format("grow: annex {} on {}, {} experts", model.view(changed).name, model.view(on).name, experts_in(model, changed));
  } else {
    const std::int64_t before = experts_in(model, 0), wanted = extended_side(model, session.delta, experts);
    model.extend(wanted);
    message = fmt::format("grow: extend to {0}x{0}, {1} experts more", wanted, experts_in(model, 0) - before);
  }
  pool::Transaction transaction = session.pool.begin(session.generation.id);
  const int views[] = {changed};
  save_model(session.loaded, views, session.staging, transaction);
  progress.note(message);
  return transaction.commit(kHead, message);
}

}  // namespace peer::trainer
