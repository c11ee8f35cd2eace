#include "trainer/evaluation/loss_rows.h"

#include <fmt/format.h>

#include "peer/base/counted.h"
#include "trainer/evaluation/remembered_scores.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

namespace peer::trainer {
namespace {

// Fills one cell of L and keeps the documents' bits behind it.
void record_cell(StageRecord& stage, const std::string& domain, const std::vector<DocumentBits>& documents, Records& records) {
  const std::string text = encode_bits(documents);
  stage.loss[domain] = bits_per_byte(documents);
  stage.bits[domain] = digest_of(text);
  records.emplace_back(bits_key(stage.bits[domain]), text);
}

// The state before any training: the oldest ancestor, which `init` or `import` made.
pool::Generation first_generation(const Session& session) {
  pool::Generation generation = session.generation;
  while (generation.parent.valid()) generation = session.pool.generation(generation.parent);
  return generation;
}

std::vector<streams::Document> documents_of(const Session& session, const DomainRecord& domain, const Records& fresh) {
  for (const auto& [name, text] : fresh)
    if (name == held_out_key(domain.held_out)) return decode_documents(text, domain.name);
  return read_held_out(session.pool, domain);
}

// Views that the stage will change: none that is there when it grows its own, all when it trains what is there.
std::vector<int> will_change(const RunOptions& options) {
  const bool adds = options.grow_first && grows_view(options.stage) && what_trains(options.stage) == Trains::kGrown;
  return adds ? std::vector<int>{} : std::vector<int>{0};
}

std::vector<DocumentBits> predicted_bits(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture,
                                         std::span<const int> changing, const Digest& held_out,
                                         const std::vector<streams::Document>& documents, const Records& fresh, Records& records,
                                         const ScoringWatch& watch = {}) {
  LoadedModel& loaded = session.loaded;
  const auto views = predicting_views(loaded.model, loaded.history);
  if (options.guess > 0)
    return score_domain(session.ctx, loaded.language(), views, documents, options, mixture, loaded.statistics, {}, watch).mixture;
  return mixture_bits(RememberedScores(session, options, changing, fresh).of(views, held_out, documents, records, watch), views, documents,
                      mixture);
}

// Whether the base, which has no experts, is still what it was in the first generation.
bool base_stayed(const Session& session, const pool::Generation& first) {
  const std::string& name = session.loaded.model.views().front().name;
  const pool::TrunkInfo *then = first.trunk(name), *now = session.generation.trunk(name);
  return first.tables.empty() && then != nullptr && now != nullptr && then->content == now->content;
}

// With the first generation. A base that stayed is not read again from the pool, nor does it read the documents again with the other views.
std::vector<DocumentBits> first_bits(Session& session, const RunOptions& options, const Digest& held_out,
                                     const std::vector<streams::Document>& documents, Records& records, const ScoringWatch& watch) {
  const pool::Generation first = first_generation(session);
  const int base[] = {0};
  const Records none;
  if (session.loaded.history.imported() && base_stayed(session, first))
    return mixture_bits(RememberedScores(session, options.evaluate, {}, none).of(base, held_out, documents, records, watch), base,
                        documents, options.mixture);
  LoadedModel untrained = load_model(session.pool, first, session.ctx.device());
  return score_domain(session.ctx, untrained.language(), base, documents, options.evaluate, options.mixture, {}, {}, watch).mixture;
}

}  // namespace

Records arrive(Session& session, const RunOptions& options, const std::vector<streams::Document>& held_out, Progress& progress,
               const std::atomic<bool>& stop) {
  Records records;
  History& history = session.loaded.history;
  if (history.domain(options.stage.domain) != nullptr) {
    progress.note(fmt::format(
        "'{}' is a known domain: scored on the documents that were held out when it first came; what is held out of this text ({}) "
        "is neither trained on nor scored (another text wants another --domain)",
        options.stage.domain, counted(std::ssize(held_out), "document")));
    return records;
  }
  const auto documents = select_held_out(held_out, options.measure.eval_bytes);
  const std::string text = encode_documents(documents);
  DomainRecord domain{.name = options.stage.domain, .held_out = digest_of(text), .documents = static_cast<std::int64_t>(documents.size())};
  for (const auto& d : documents) domain.bytes += static_cast<std::int64_t>(d.text.size());
  records.emplace_back(held_out_key(domain.held_out), text);
  history.domains.push_back(domain);

  const ScoringWatch watch(progress, stop, "score " + domain.name);
  const bool is_first = history.stages.size() == 1;  // the newest generation is the first one
  const std::int64_t parts = is_first ? 1 : 2;
  if (!is_first)
    record_cell(history.stages.front(), domain.name,
                first_bits(session, options, domain.held_out, documents, records,
                           watch.part(0, parts, history.imported() ? "as imported" : "untrained")),
                records);
  StageRecord& newest = history.stages.back();
  const Records scored = records;
  const auto bits = predicted_bits(session, options.evaluate, options.mixture, will_change(options), domain.held_out, documents, scored,
                                   records, watch.part(parts - 1, parts, "trained so far"));
  record_cell(newest, domain.name, bits, records);
  const std::string when = !is_first            ? fmt::format("after '{}'", history.stage_name(history.stages.size() - 1))
                           : history.imported() ? "as imported"
                                                : "after no training";
  progress.note(fmt::format("'{}' {}: {:.3f} bpb", domain.name, when, newest.loss[domain.name]));
  return records;
}

Records evaluate_all(Session& session, const EvaluateOptions& options, const model::MixtureOptions& mixture, std::span<const int> changed,
                     const Records& fresh, Progress& progress) {
  Records records;
  History& history = session.loaded.history;
  StageRecord& stage = history.stages.back();
  const auto views = predicting_views(session.loaded.model, history);
  std::int64_t done = 0;
  for (const DomainRecord& domain : history.domains) {
    progress.update("evaluate", done++, static_cast<std::int64_t>(history.domains.size()), domain.name);
    const auto documents = documents_of(session, domain, fresh);
    record_cell(stage, domain.name, predicted_bits(session, options, mixture, changed, domain.held_out, documents, fresh, records),
                records);
  }
  progress.update("evaluate", done, done, counted(done, "domain") + ", " + counted(std::ssize(views), "view"));
  return records;
}

}  // namespace peer::trainer
