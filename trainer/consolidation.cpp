#include "trainer/consolidation.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "peer/device/rounded_gemm.h"
#include "trainer/evaluation/loss_rows.h"
#include "trainer/evaluation/stage_cost.h"
#include "trainer/growth.h"
#include "trainer/plasticity.h"
#include "trainer/schedule.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"
#include "trainer/step.h"
#include "trainer/strategies/self_text.h"
#include "trainer/strategies/syllabus.h"

namespace peer::trainer {
namespace {

bool contains(const std::vector<int>& views, int view) { return std::find(views.begin(), views.end(), view) != views.end(); }

bool is_ancestor(const pool::Pool& pool, GenerationId ancestor, GenerationId of) {
  while (of.valid() && of != ancestor) of = pool.generation(of).parent;
  return of.valid();
}

// The newest view outside `views` on which all of them grew, directly or not.
int common_parent(const model::Model& model, const std::vector<int>& views) {
  std::vector<int> path = model.path(views.front());
  for (auto candidate = path.rbegin(); candidate != path.rend(); ++candidate) {
    const auto grew_on_it = [&](int v) { return contains(model.path(v), *candidate); };
    if (!contains(views, *candidate) && std::all_of(views.begin(), views.end(), grew_on_it)) return *candidate;
  }
  return 0;
}

std::string joined_domains(const model::Model& model, const std::vector<int>& views) {
  std::vector<std::string> domains;
  for (const int v : views) domains.push_back(model.views()[v].domain);
  return fmt::format("{}", fmt::join(domains, "+"));
}

// What the reservoirs hold of the domains that a view was trained on.
std::vector<streams::Document> kept_for(const Session& session, int view) {
  std::vector<streams::Document> kept;
  for (const DomainRecord* domain : session.loaded.history.taught(view)) {
    if (domain->reservoir.empty()) continue;
    for (streams::Document& document : read_reservoir(session.pool, *domain)) kept.push_back(std::move(document));
  }
  return kept;
}

std::int64_t numbers_in(model::Model& model) {
  std::int64_t numbers = 0;
  for (const int v : all_views(model)) numbers += parameters_in(model, v);
  return numbers;
}

class Consolidation {
 public:
  Consolidation(Session& session, const std::vector<int>& views, const ConsolidationOptions& options, const TrainOptions& train,
                std::uint64_t seed, Progress& progress)
      : session_(session),
        model_(session.loaded.model),
        views_(views),
        options_(options),
        train_(train),
        seed_(seed),
        progress_(progress) {}

  void grow() {
    const int parent = common_parent(model_, views_);
    view_ = model_.add_view(parent, delta_for(model_.options(), session_.delta, options_.experts), joined_domains(model_, views_), true);
    changed_ = make_plastic(model_, view_, Trains::kGrown);
    progress_.note(fmt::format("{} grows on {} and learns to predict as {} views do", model_.view(view_).name, model_.view(parent).name,
                               views_.size()));
  }

  void learn(const std::atomic<bool>& stop) {
    Syllabus syllabus(*session_.loaded.tokenizer, model_.options().context, train_.batch, options_.replay);
    for (std::size_t i = 0; i < views_.size() && !stop; ++i) {
      const std::string& name = model_.view(views_[i]).name;
      progress_.update("write", static_cast<std::int64_t>(i), static_cast<std::int64_t>(views_.size()), name);
      auto kept = options_.replay > 0 ? kept_for(session_, views_[i]) : std::vector<streams::Document>{};
      if (options_.replay > 0 && kept.empty())
        progress_.note(fmt::format("no reservoir holds text of view {}: it learns from its own text alone", name));
      syllabus.add(write_self_text(session_.ctx, session_.loaded.language(), views_[i], options_.self_text, seed_ + i), std::move(kept),
                   seed_ + i);
    }
    Teacher teacher(model_, views_, train_.batch, 1, 1);
    TrainingStep step(session_.ctx, model_, view_, later_stage(train_), {.teacher = &teacher});
    for (std::int64_t s = 0; s < train_.steps && !stop; ++s) {
      const streams::Batch& batch = syllabus.batch(s);
      if (s == 0) meet_first_batch(session_.ctx, model_, view_, step, batch);
      const double loss = step.run(batch, s);
      progress_.update("consolidate", s + 1, train_.steps, fmt::format("{:.3f} bpb", loss));
    }
    freeze(model_, changed_);
  }

  // The folded views leave the model and the next generation.
  void retire(pool::Transaction& transaction) {
    for (auto v = views_.rbegin(); v != views_.rend(); ++v) {  // children first
      model_.for_each_block(*v, [&](layers::PeerBlock& block, int) { transaction.drop_table(block.id()); });
      drop_trunks(session_.loaded, *v, transaction);
      model_.retire(*v);
    }
  }

  // The new view's text is that of the views it stands for.
  void add_statistics() {
    auto& statistics = session_.loaded.statistics;
    statistics.resize(static_cast<std::size_t>(model_.newest()) + 1);
    for (const int v : views_) statistics.back().add(statistics[static_cast<std::size_t>(v)]);
  }

  int view() const { return view_; }
  const std::vector<int>& changed() const { return changed_; }

 private:
  Session& session_;
  model::Model& model_;
  const std::vector<int>& views_;
  const ConsolidationOptions& options_;
  const TrainOptions& train_;
  std::uint64_t seed_;
  Progress& progress_;
  int view_ = 0;
  std::vector<int> changed_;
};

void check(const ConsolidationOptions& options, const TrainOptions& train, std::size_t views) {
  check(train);
  if (options.self_text <= 0) throw UsageError(fmt::format("option 'self-text': expected more than 0 bytes, found {}", options.self_text));
  if (!(options.replay >= 0 && options.replay < 1))
    throw UsageError(fmt::format("option 'replay': expected a share from 0 to below 1, found {}", options.replay));
  if (train.batch < static_cast<std::int64_t>(views))
    throw UsageError(fmt::format("option 'batch': expected at least a window for each of {} views, found {}", views, train.batch));
}

}  // namespace

std::vector<int> views_between(const Session& session, GenerationId from, GenerationId to) {
  const auto expect = [](bool held, const std::string& what) {
    if (!held) throw UsageError("consolidate: " + what);
  };
  expect(is_ancestor(session.pool, from, to),
         fmt::format("expected a range FROM..TO with g{} before g{} in one line of history", from.value, to.value));
  expect(is_ancestor(session.pool, to, session.generation.id), fmt::format("expected a range on the way to head; g{} is not", to.value));
  const model::Model& model = session.loaded.model;
  const auto count_at = [&](GenerationId id) {
    return static_cast<int>(parse_state(session.pool.generation(id).state, fmt::format("generation {}", id.value)).views.size());
  };
  std::vector<int> views;
  for (int v = count_at(from); v < count_at(to); ++v)
    if (!model.retired(v)) views.push_back(v);
  expect(views.size() >= 2,
         fmt::format("g{}..g{} holds {} grown views; at least two can be folded into one", from.value, to.value, views.size()));
  for (const int v : all_views(model)) {
    const int parent = model.views()[v].parent;
    expect(contains(views, v) || !contains(views, parent),
           fmt::format("view {} grew on {}, which would be folded; choose a range that holds both or neither", model.views()[v].name,
                       parent < 0 ? "" : model.views()[parent].name));
  }
  expect(session.loaded.history.open_view < 0, "a view was grown by hand and waits to be trained; peer-cli train first");
  expect(session.loaded.history.stages.back().mixture, "the head view answers alone; there is no mixture of views to fold");
  return views;
}

ConsolidationOutcome consolidate(Session& session, const std::vector<int>& views, const ConsolidationOptions& options,
                                 const TrainOptions& train, const EvaluateOptions& evaluate, const model::MixtureOptions& mixture,
                                 std::uint64_t seed, Progress& progress, const std::atomic<bool>& stop) {
  check(options, train, views.size()), check(evaluate);
  check_precision(session.ctx.device(), train.precision);  // before text is written, which needs none
  const auto began = std::chrono::steady_clock::now();
  const double flops_before = session.ctx.flops();
  model::Model& model = session.loaded.model;
  History& history = session.loaded.history;
  ConsolidationOutcome outcome{.parameters_before = numbers_in(model)};
  for (const int v : views) outcome.folded.push_back(model.view(v).name);

  Consolidation consolidation(session, views, options, train, seed, progress);
  consolidation.grow();
  consolidation.learn(stop);
  if (stop) throw Error("interrupted: nothing was folded, head stays; run the same command again");

  const double flops = session.ctx.flops() - flops_before;
  pool::Transaction transaction = session.pool.begin(session.generation.id);
  consolidation.add_statistics();
  consolidation.retire(transaction);
  outcome.view = model.view(consolidation.view()).name, outcome.parent = model.view(model.view(consolidation.view()).parent).name;
  outcome.parameters_after = numbers_in(model);
  const StageRecord before = history.stages.back();
  history.stages.push_back({.strategy = kConsolidate,
                            .steps = train.steps,
                            .view = consolidation.view(),
                            .parameters_added = outcome.parameters_after - outcome.parameters_before,
                            .folded = views});
  for (const auto& [key, value] : evaluate_all(session, evaluate, mixture, consolidation.changed(), {}, progress))
    transaction.put_record(key, value);
  const StageRecord& after = history.stages.back();
  for (const auto& [domain, loss] : after.loss)
    outcome.refused |= options.max_forgetting >= 0 && history.forgotten(history.stages.size() - 1, domain) > options.max_forgetting;
  save_model(session.loaded, consolidation.changed(), session.staging, transaction);
  transaction.set_fingerprint(fmt::format("consolidate {} {} threads {} {} {}", to_hex(options_fingerprint(options)),
                                          to_hex(options_fingerprint(train)), session.ctx.threads(), session.ctx.device_name(),
                                          to_text(session.ctx.cpu_path())));
  outcome.commit = transaction.commit(outcome.refused ? kRefused : kHead,
                                      fmt::format("consolidate: {} into {}, {} numbers instead of {}", fmt::join(outcome.folded, ", "),
                                                  outcome.view, outcome.parameters_after, outcome.parameters_before));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  session.pool.put_records({cost_record(session.pool, history, {seconds, flops, static_cast<double>(outcome.commit.bytes_written)})});
  session.generation = session.pool.generation(outcome.commit.id);
  outcome.costs = folding_costs(session.pool, before, after);
  return outcome;
}

}  // namespace peer::trainer
