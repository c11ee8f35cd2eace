#include "trainer/strategies/safeguards.h"

#include <algorithm>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "streams/reservoir.h"
#include "trainer/state/held_out.h"
#include "trainer/state/model_image.h"
#include "trainer/strategies/self_text.h"

namespace peer::trainer {
namespace {

constexpr const char* kAverageTrunk = "average";  // of an interrupted stage with --average
constexpr const char* kBackgroundTrunk = "retrievals";
constexpr std::uint64_t kReferenceSeed = 1u << 20;  // windows of the reference are not those of the replay

}  // namespace

void check_safeguards(const Session& session, const StageOptions& stage) {
  const History& history = session.loaded.history;
  if (!history.any_stage()) return;
  check_importances(session.generation, stage);
  const auto only_measured = [&](const DomainRecord& domain) {  // nothing of its text was trained on, so nothing could be kept
    const std::size_t own = history.learnt(domain.name);
    return own < history.stages.size() && history.stages[own].strategy == kImport && domain.reservoir.empty();
  };
  const auto older = [&](const DomainRecord& domain) { return domain.name != stage.domain && !only_measured(domain); };
  const auto kept = [&](const DomainRecord& domain) { return older(domain) && !domain.reservoir.empty(); };
  const bool rehearses = stage.project || (stage.replay > 0 && stage.self_text == 0);
  if (rehearses && std::ranges::any_of(history.domains, older) && std::ranges::none_of(history.domains, kept))
    throw UsageError(
        fmt::format("option '{}': no older domain of this pool has a reservoir; train the stages before with --reservoir BYTES",
                    stage.project ? "project" : "replay"));
  if (stage.rows > 0 && session.generation.trunk(kBackgroundTrunk) == nullptr)
    throw UsageError(
        fmt::format("option 'rows': g{} knows no retrievals of old text to compare with; train the stage before it with --strategy smf",
                    session.generation.id.value));
}

Safeguards::Safeguards(Session& session, const RunOptions& options, int view, const std::vector<int>& changed, GenerationId parent)
    : session_(session), options_(options), view_(view), changed_(changed), before_(session, parent, changed) {
  if (changed_.empty()) return;  // the text was no news: nothing trains
  const StageOptions& stage = options_.stage;
  if (stage.penalty != Penalty::kNone) anchor_.emplace(session_, options_, view_, changed_, before_);
  if (!before_.any_stage()) return;  // nothing to guard yet, only to measure
  model::Model& model = session_.loaded.model;
  if (stage.orthogonal > 0 && grows_view(stage)) orthogonality_.emplace(model, view_, stage.orthogonal);
  if (stage.distill > 0) {
    const int opinion[] = {grows_view(stage) ? model.view(view_).parent : view_};
    teacher_.emplace(before_.loaded().model, opinion, options_.train.batch, stage.distill, stage.temperature);
  }
  const auto seed = static_cast<std::uint64_t>(options_.seed);
  if (stage.replay > 0 && stage.self_text > 0) rehearse_self_text(seed);
  if (stage.replay > 0 && stage.self_text == 0) rehearse(stage.replay, seed, replay_);
  if (stage.project) rehearse(1, seed + kReferenceSeed, reference_);
  if (stage.grows == Growth::kExtend && what_trains(stage) == Trains::kGrown) grown_.emplace(before_.loaded().model.options().peer_side);
  if (stage.rows > 0) prepare_sparse_rows();
  if (stage.average > 0) {
    average_.emplace(model, changed_, stage.average);
    before_.go_on_with(kAverageTrunk, average_->average());
  }
}

void Safeguards::rehearse(double share, std::uint64_t seed, std::optional<Rehearsal>& rehearsal) {
  std::vector<std::vector<streams::Document>> domains;
  for (const DomainRecord& domain : session_.loaded.history.domains)
    if (domain.name != options_.stage.domain && !domain.reservoir.empty()) domains.push_back(read_reservoir(session_.pool, domain));
  if (domains.empty()) return;
  rehearsal.emplace(std::move(domains), *session_.loaded.tokenizer, share, session_.loaded.model.options().context, seed);
}

// Written anew when the stage is resumed: the same weights and seed write the same text.
void Safeguards::rehearse_self_text(std::uint64_t seed) {
  const StageOptions& stage = options_.stage;
  const int writer = grows_view(stage) ? session_.loaded.model.view(view_).parent : view_;
  std::vector<std::vector<streams::Document>> text;
  text.push_back(write_self_text(session_.ctx, before_.loaded().language(), writer, stage.self_text, seed));
  replay_.emplace(std::move(text), *session_.loaded.tokenizer, stage.replay, session_.loaded.model.options().context, seed);
}

void Safeguards::prepare_sparse_rows() {
  const pool::TrunkInfo* info = before_.generation().trunk(kBackgroundTrunk);
  if (info == nullptr) throw CorruptError(fmt::format("g{}: the trunk '{}' is missing", before_.generation().id.value, kBackgroundTrunk));
  background_ = RetrievalBackground::from(session_.pool.trunk(*info), kBackgroundTrunk);
  sparse_.emplace(*background_, options_.stage.rows, options_.stage.rows_rate);
}

StepTerms Safeguards::terms() {
  const WeightPenalty* penalty = anchor_ ? anchor_->penalty() : nullptr;
  return {.penalty = orthogonality_ ? &*orthogonality_ : penalty,
          .path = anchor_ ? anchor_->path() : nullptr,
          .teacher = teacher_ ? &*teacher_ : nullptr,
          .reference = reference_ ? &*reference_ : nullptr,
          .mask = grown_ ? &*grown_ : nullptr,
          .sparse = sparse_ ? &*sparse_ : nullptr};
}

const streams::Batch& Safeguards::mix(const streams::Batch& batch, std::int64_t step) {
  if (!replay_) return batch;
  mixed_ = batch;
  replay_->mix(mixed_, step);
  return mixed_;
}

void Safeguards::after_step() {
  if (average_) average_->take_step();
}

void Safeguards::weights_were_placed() {
  if (average_) average_.emplace(session_.loaded.model, changed_, options_.stage.average);
}

void Safeguards::add_unfinished(ModelImage& image) const {
  if (anchor_) anchor_->add_unfinished(image);
  if (average_) image.add_trunk(kAverageTrunk, average_->average().tensors());
}

void Safeguards::finish(const std::vector<streams::Document>& training, pool::Transaction& transaction) {
  const StageOptions& stage = options_.stage;
  model::Model& model = session_.loaded.model;
  if (average_) blend(model, changed_, average_->average(), 1);
  if (stage.keep > 0 && before_.any_stage()) blend(model, changed_, before_.weights(), stage.keep);  // (WiSE-FT, Wortsman et al. 2022)
  if (anchor_) anchor_->finish(training, transaction);
  if (stage.rows > 0) save_background(training, transaction);
  if (stage.reservoir > 0) save_reservoir(training, transaction);
}

void Safeguards::save_background(const std::vector<streams::Document>& training, pool::Transaction& transaction) {
  RetrievalBackground background = measure_background(session_.ctx, session_.loaded.language(), view_, training, options_.train.batch,
                                                      options_.stage.rows_background, static_cast<std::uint64_t>(options_.seed));
  if (background_) background.add(*background_);
  transaction.put_trunk(kBackgroundTrunk, background.tensors());
}

void Safeguards::save_reservoir(const std::vector<streams::Document>& training, pool::Transaction& transaction) {
  DomainRecord& domain = *session_.loaded.history.domain(options_.stage.domain);
  std::vector<streams::Document> kept;
  if (!domain.reservoir.empty()) kept = read_reservoir(session_.pool, domain);
  streams::Reservoir reservoir(options_.stage.reservoir, static_cast<std::uint64_t>(options_.seed), std::move(kept), domain.reservoir_seen);
  for (const streams::Document& document : training) reservoir.add(document);
  const std::string text = encode_documents(reservoir.kept());
  domain.reservoir = digest_of(text), domain.reservoir_seen = reservoir.seen();
  transaction.put_record(reservoir_key(domain.reservoir), text);
}

}  // namespace peer::trainer
