#include "trainer/strategies/anchor.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "trainer/state/model_image.h"
#include "trainer/strategies/importance.h"

namespace peer::trainer {
namespace {

constexpr const char* kPathTrunk = "path";  // of an interrupted stage with --penalty si

std::string importance_trunk(Penalty penalty) { return "importance." + to_text(penalty); }
std::string pull_trunk(Penalty penalty) { return importance_trunk(penalty) + ".pull"; }

float product(float a, float b) { return a * b; }
float sum(float a, float b) { return a + b; }

}  // namespace

void check_importances(const pool::Generation& before, const PenaltyOptions& options) {
  const Penalty penalty = options.penalty;
  if (penalty == Penalty::kNone || penalty == Penalty::kL2sp || options.penalty_weight == 0) return;
  if (before.trunk(importance_trunk(penalty)) == nullptr)
    throw UsageError(
        fmt::format("g{} holds no importances for {}: train the stage before it with --strategy {}, or this one with "
                    "--penalty-weight 0, which measures them and pulls at nothing",
                    before.id.value, to_text(penalty), to_text(penalty)));
}

Anchor::Anchor(Session& session, const RunOptions& options, int view, const std::vector<int>& changed, BeforeStage& before)
    : session_(session), options_(options), view_(view), changed_(changed), before_(before) {
  const Penalty penalty = options_.stage.penalty;
  const double weight = options_.stage.penalty_weight;
  if (penalty == Penalty::kSi) {
    path_.emplace(session_.loaded.model, changed_);
    before_.go_on_with(kPathTrunk, path_->work());
  }
  if (!before_.any_stage() || weight == 0) return;
  check_importances(before_.generation(), options_.stage);
  if (penalty == Penalty::kL2sp) {
    ParameterField known = ParameterField::known_to(before_.loaded().model, session_.loaded.model, changed_), pull = before_.weights();
    pull.combine(known, product);
    regulariser_.emplace(weight, std::move(known), std::move(pull));
    return;
  }
  old_importance_ = before_.field(importance_trunk(penalty), "importances for " + to_text(penalty));
  if (penalty == Penalty::kEwc) {
    old_pull_ = before_.field(pull_trunk(penalty), "anchors for " + to_text(penalty));
  } else {
    old_pull_ = before_.weights();
    old_pull_->combine(*old_importance_, product);
  }
  regulariser_.emplace(weight, *old_importance_, *old_pull_);
}

void Anchor::add_unfinished(ModelImage& image) const {
  if (path_) image.add_trunk(kPathTrunk, path_->work().tensors());
}

ParameterField Anchor::new_importance(const std::vector<streams::Document>& training) {
  ParameterField importance;
  if (options_.stage.penalty == Penalty::kSi) {
    importance = path_->importance(before_.weights());
  } else {
    const ImportanceKind kind = options_.stage.penalty == Penalty::kMas ? ImportanceKind::kSensitivity : ImportanceKind::kFisher;
    importance = measure_importance(session_.ctx, session_.loaded.language(), view_, changed_, kind, training,
                                    options_.stage.penalty_samples, static_cast<std::uint64_t>(options_.seed));
  }
  const double mean = importance.mean();
  if (!(mean > 0)) throw NumericError("option 'penalty': every importance is zero; nothing was committed; train for more steps");
  importance.scale(1 / mean);
  return importance;
}

void Anchor::finish(const std::vector<streams::Document>& training, pool::Transaction& transaction) {
  const Penalty penalty = options_.stage.penalty;
  if (penalty == Penalty::kL2sp) return;
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

}  // namespace peer::trainer
