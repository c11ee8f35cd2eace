#include "trainer/session.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/model/page_placement.h"
#include "streams/byte_tokenizer.h"
#include "trainer/growth.h"
#include "trainer/held_out.h"
#include "trainer/plasticity.h"
#include "trainer/report.h"

namespace peer::trainer {
namespace {

// Four fifths of what the dense tensors leave of a device, were all of them trained; the rest is for activations.
std::int64_t room_for_experts(Device device, model::Model& model) {
  std::int64_t dense = 0;
  for (int view = 0; view <= model.newest(); ++view)
    if (!model.retired(view)) dense += model.parameters(view).count();
  constexpr std::int64_t kBytes = 4 * sizeof(float);  // a number, its gradient and two moments
  return std::max<std::int64_t>(0, memory_bytes(device) - kBytes * dense) / 5 * 4;
}

}  // namespace

Session open_session(const std::string& path, const std::string& ref, pool::Access access, Device device, int threads,
                     std::int64_t expert_memory_bytes) {
  Context ctx(device, threads);  // first: a device that is not there should not lock the pool
  pool::Pool pool = pool::Pool::open(path, access);
  pool::Generation generation = pool.generation(pool.resolve(ref));
  LoadedModel loaded = load_model(pool, generation, ctx.device());
  if (expert_memory_bytes == 0) expert_memory_bytes = room_for_experts(device, loaded.model);
  model::PagePlacement(expert_memory_bytes).place(ctx, loaded.model);
  HostStaging staging(ctx.device());
  const model::DeltaOptions delta = loaded.delta;
  return {std::move(pool), std::move(ctx), std::move(generation), std::move(loaded), delta, std::move(staging), expert_memory_bytes};
}

pool::CommitReport init_pool(const std::string& path, const model::ModelOptions& options, const model::DeltaOptions& delta,
                             std::uint64_t seed, Device device, int threads) {
  const Context ctx(device, threads);
  model::check(options);
  model::check(delta, options.layers);
  if (options.vocabulary < streams::ByteTokenizer::kVocabulary)
    throw UsageError(
        fmt::format("option 'vocabulary': expected {} or more, a token for every byte and one for the end of a document, found {}",
                    streams::ByteTokenizer::kVocabulary, options.vocabulary));
  LoadedModel loaded{model::Model(options, seed), delta, {}, {}};
  loaded.model.create_experts();
  loaded.history.stages.push_back({.strategy = "none"});
  pool::Pool::create(path);  // last: a model that does not fit leaves no pool behind
  try {
    pool::Pool pool = pool::Pool::open(path, pool::Access::kWrite);
    pool::Transaction transaction = pool.begin({});
    const int base[] = {0};
    HostStaging staging;  // the untrained model is made on the CPU
    save_model(loaded, base, staging, transaction);
    transaction.set_fingerprint(to_hex(options_fingerprint(options)));
    return transaction.commit(kHead, fmt::format("init: {} experts in {} layers", experts_in(loaded.model, 0), options.layers));
  } catch (...) {
    std::error_code ignored;  // what made it fail is the news
    std::filesystem::remove_all(path, ignored);
    throw;
  }
}

pool::CommitReport grow(Session& session, std::int64_t experts, GrowMode mode, const std::string& parent, Progress& progress) {
  model::Model& model = session.loaded.model;
  History& history = session.loaded.history;
  if (history.open_view >= 0)
    throw UsageError(fmt::format("grow: view {} was grown and not trained yet; train it first", model.view(history.open_view).name));
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

namespace {

// For every domain its documents' bits after the stage that was best for it, before the last, and after the last; empty for one that
// the last stage taught and for one that was not measured.
std::vector<DocumentPairs> best_and_last(const Session& session) {
  const History& history = session.loaded.history;
  const StageRecord& last = history.stages.back();
  std::vector<DocumentPairs> pairs(history.domains.size());
  for (std::size_t j = 0; j < history.domains.size(); ++j) {
    const std::string& domain = history.domains[j].name;
    if (history.learnt(domain) + 1 >= history.stages.size()) continue;
    const std::size_t best = history.best_stage(domain, history.stages.size() - 1);
    if (best == 0 || !last.bits.contains(domain)) continue;
    pairs[j] = {read_bits(session.pool, history.stages[best].bits.at(domain)), read_bits(session.pool, last.bits.at(domain))};
  }
  return pairs;
}

}  // namespace

ForgettingReport make_report(const Session& session) {
  const History& history = session.loaded.history;
  ForgettingReport report;
  report.pool = session.pool.path();
  report.created = session.generation.created;
  report.matrix = history.matrix();
  const bool mixture = session.loaded.model.newest() > 0 && history.stages.back().mixture;
  report.mixture = mixture ? fmt::format("mixture over {} views", all_views(session.loaded.model).size()) : "one view";
  for (const StageRecord& stage : history.stages) {
    auto& row = report.intervals.emplace_back();
    for (const DomainRecord& domain : history.domains) {
      const auto cell = stage.bits.find(domain.name);
      row.push_back(cell == stage.bits.end() ? Interval{} : bootstrap(read_bits(session.pool, cell->second), kBootstrapDraws, 0));
    }
  }
  std::vector<DocumentPairs> pairs = best_and_last(session);
  for (const DocumentPairs& pair : pairs)
    report.equivalence.push_back(equivalence_test(pair.before, pair.after, kEquivalenceMargin, kBootstrapDraws, 0));
  std::erase_if(pairs, [](const DocumentPairs& pair) { return pair.before.empty(); });
  report.mean_forgetting = mean_paired_bootstrap(pairs, kBootstrapDraws, 0);
  for (std::size_t i = 1; i < history.stages.size(); ++i)
    if (const StageRecord& stage = history.stages[i]; stage.strategy == kConsolidate)
      report.foldings.push_back({session.loaded.model.views()[stage.view].name, folding_costs(session.pool, history.stages[i - 1], stage)});
  report.costs = stage_costs(session.pool, history);
  return report;
}

std::vector<int> parse_views(const model::Model& model, const std::string& text) {
  if (text == "mixture") return all_views(model);
  if (text == "head") return {model.newest()};
  std::vector<std::string> names = {"auto", "mixture", "head"};
  for (const int v : all_views(model)) {
    if (model.views()[v].name == text) return {v};
    names.push_back(model.views()[v].name);
  }
  throw UsageError(fmt::format("option 'view': expected one of {}, found '{}'{}", fmt::join(names, ", "), text, did_you_mean(text, names)));
}

}  // namespace peer::trainer
