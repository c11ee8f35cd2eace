#include "trainer/safeguards.h"

#include <fmt/format.h>

#include "streams/reservoir.h"
#include "trainer/held_out.h"
#include "trainer/importance.h"

namespace peer::trainer {
namespace {

constexpr const char* kPathTrunk = "path";  // of an interrupted stage with --penalty si

std::string importance_trunk(Penalty penalty) { return "importance." + to_text(penalty); }
std::string pull_trunk(Penalty penalty) { return importance_trunk(penalty) + ".pull"; }

float product(float a, float b) { return a * b; }
float sum(float a, float b) { return a + b; }

}  // namespace

Safeguards::Safeguards(Session& session, const RunOptions& options, int view, const std::vector<int>& changed, GenerationId parent)
    : session_(session), options_(options), view_(view), changed_(changed), parent_(session.pool.generation(parent)) {
  prepare_penalty();
  if (!has_past()) return;  // nothing to guard yet, only to measure
  const StageOptions& stage = options_.stage;
  if (stage.distill > 0) {
    const int opinion[] = {stage.grows == Growth::kNone ? view_ : session_.loaded.model.view(view_).parent};
    teacher_.emplace(before().model, opinion, options_.train.batch, stage.distill, stage.temperature);
  }
  if (stage.replay > 0) prepare_replay();
}

LoadedModel& Safeguards::before() {
  if (!before_) before_.emplace(load_model(session_.pool, parent_));
  return *before_;
}

ParameterField Safeguards::weights_before() { return ParameterField::weights_of(before().model, session_.loaded.model, changed_); }

ParameterField Safeguards::stored_field(const pool::Generation& generation, const std::string& trunk, const std::string& what) {
  const pool::TrunkInfo* info = generation.trunk(trunk);
  if (info == nullptr)
    throw UsageError(fmt::format("option 'penalty': generation {} holds no {} for {}; train the stage before it with --penalty {}",
                                 generation.id.value, what, to_text(options_.stage.penalty), to_text(options_.stage.penalty)));
  ParameterField field(session_.loaded.model, changed_);
  field.take(session_.pool.trunk(*info), what);
  return field;
}

void Safeguards::prepare_penalty() {
  const Penalty penalty = options_.stage.penalty;
  if (penalty == Penalty::kNone) return;
  if (penalty == Penalty::kSi) {
    path_.emplace(session_.loaded.model, changed_);
    if (session_.loaded.run) path_->work() = stored_field(session_.generation, kPathTrunk, "path");
  }
  if (!has_past()) return;
  if (penalty == Penalty::kL2sp) {
    ParameterField pull = weights_before(), ones(session_.loaded.model, changed_);
    ones.combine(pull, [](float, float) { return 1.0f; });
    regulariser_.emplace(options_.stage.penalty_weight, std::move(ones), std::move(pull));
    return;
  }
  old_importance_ = stored_field(parent_, importance_trunk(penalty), "importances");
  if (penalty == Penalty::kEwc) {
    old_pull_ = stored_field(parent_, pull_trunk(penalty), "anchors");
  } else {
    old_pull_ = weights_before();
    old_pull_->combine(*old_importance_, product);
  }
  regulariser_.emplace(options_.stage.penalty_weight, *old_importance_, *old_pull_);
}

void Safeguards::prepare_replay() {
  std::vector<std::vector<streams::Document>> domains;
  bool older = false;
  for (const DomainRecord& domain : session_.loaded.history.domains) {
    if (domain.name == options_.stage.domain) continue;
    older = true;
    if (!domain.reservoir.empty()) domains.push_back(read_reservoir(session_.pool, domain));
  }
  if (!older) return;  // the only domain is learnt further
  if (domains.empty())
    throw UsageError("option 'replay': no older domain of this pool has a reservoir; train the stages before with --reservoir BYTES");
  rehearsal_.emplace(std::move(domains), options_.stage.replay, session_.loaded.model.options().context,
                     static_cast<std::uint64_t>(options_.seed));
}

StepTerms Safeguards::terms() {
  return {.regulariser = regulariser_ ? &*regulariser_ : nullptr,
          .path = path_ ? &*path_ : nullptr,
          .teacher = teacher_ ? &*teacher_ : nullptr};
}

const streams::Batch& Safeguards::mix(const streams::Batch& batch, std::int64_t step) {
  if (!rehearsal_) return batch;
  mixed_ = batch;
  rehearsal_->mix(mixed_, step);
  return mixed_;
}

void Safeguards::save_unfinished(pool::Transaction& transaction) const {
  if (path_) transaction.put_trunk(kPathTrunk, path_->work().tensors());
}

void Safeguards::finish(const std::vector<streams::Document>& training, pool::Transaction& transaction) {
  if (options_.stage.keep > 0 && has_past()) move_back();
  if (options_.stage.penalty != Penalty::kNone && options_.stage.penalty != Penalty::kL2sp) save_importance(training, transaction);
  if (options_.stage.reservoir > 0) save_reservoir(training, transaction);
}

// w <- keep * before + (1 - keep) * after                          (WiSE-FT, Wortsman et al. 2022)
void Safeguards::move_back() {
  const auto keep = static_cast<float>(options_.stage.keep);
  const ParameterField start = weights_before();
  model::Model& model = session_.loaded.model;
  const auto blend = [keep](const float* old, std::int64_t count, float* now) {
    for (std::int64_t i = 0; i < count; ++i) now[i] = keep * old[i] + (1 - keep) * now[i];
  };
  for (const int v : changed_) {
    for (auto& parameter : model.parameters(v))
      if (parameter->trainable()) blend(start.of(*parameter).data(), parameter->size(), parameter->value.data());
    model.for_each_block(v, [&](layers::PeerBlock& block, int) {
      const std::int64_t record = 2 * block.experts().width();
      for (std::int64_t e = 0; e < block.experts().count(); ++e)
        blend(start.of(block).data() + e * record, record, block.experts().owned_parameters(e));
    });
  }
}

ParameterField Safeguards::new_importance(const std::vector<streams::Document>& training) {
  ParameterField importance;
  if (options_.stage.penalty == Penalty::kSi) {
    importance = path_->importance(weights_before());
  } else {
    const ImportanceKind kind = options_.stage.penalty == Penalty::kMas ? ImportanceKind::kSensitivity : ImportanceKind::kFisher;
    importance = measure_importance(session_.ctx, session_.loaded.model, view_, changed_, kind, training, options_.stage.penalty_samples,
                                    static_cast<std::uint64_t>(options_.seed));
  }
  const double mean = importance.mean();
  if (!(mean > 0)) throw NumericError("option 'penalty': every importance is zero; nothing was committed; train for more steps");
  importance.scale(1 / mean);
  return importance;
}

void Safeguards::save_importance(const std::vector<streams::Document>& training, pool::Transaction& transaction) {
  const Penalty penalty = options_.stage.penalty;
  ParameterField importance = new_importance(training);
  if (penalty == Penalty::kEwc) {
    ParameterField pull = ParameterField::weights_of(session_.loaded.model, session_.loaded.model, changed_);
    pull.combine(importance, product);
    if (old_pull_) pull.combine(*old_pull_, sum);
    transaction.put_trunk(pull_trunk(penalty), pull.tensors());
  }
  if (old_importance_) {
    if (penalty != Penalty::kEwc) old_importance_->scale(options_.stage.penalty_decay);
    importance.combine(*old_importance_, sum);
  }
  transaction.put_trunk(importance_trunk(penalty), importance.tensors());
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
