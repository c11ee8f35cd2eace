#include "trainer/strategies/before_stage.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {

BeforeStage::BeforeStage(Session& session, GenerationId parent, const std::vector<int>& changed)
    : session_(session), generation_(session.pool.generation(parent)), changed_(changed), any_stage_(session.loaded.history.any_stage()) {}

LoadedModel& BeforeStage::loaded() {
  if (!loaded_) loaded_.emplace(load_model(session_.pool, generation_, session_.ctx.device()));
  return *loaded_;
}

ParameterField BeforeStage::weights() const {
  LoadedModel before = load_model(session_.pool, generation_, {});  // to be read by the host alone
  const std::int64_t side = session_.loaded.model.options().peer_side;
  if (before.model.options().peer_side < side) before.model.extend(side);
  return ParameterField::weights_of(before.model, session_.loaded.model, changed_);
}

ParameterField BeforeStage::field(const std::string& trunk, const std::string& what) const {
  const pool::TrunkInfo* info = generation_.trunk(trunk);
  if (info == nullptr) throw CorruptError(fmt::format("g{}: the trunk '{}' is missing", generation_.id.value, trunk));
  ParameterField field(session_.loaded.model, changed_);
  field.take(session_.pool.trunk(*info), what);
  return field;
}

void BeforeStage::go_on_with(const std::string& trunk, ParameterField& field) const {
  if (!session_.loaded.run) return;
  const pool::TrunkInfo* info = session_.generation.trunk(trunk);
  if (info == nullptr) throw CorruptError(fmt::format("generation {}: the trunk '{}' is missing", session_.generation.id.value, trunk));
  field.take(session_.pool.trunk(*info), trunk);
}

}  // namespace peer::trainer
