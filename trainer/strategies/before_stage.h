// A pool as it was before the stage that trains.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "trainer/state/session.h"
#include "trainer/strategies/parameter_field.h"

namespace peer::trainer {

class BeforeStage {
 public:
  // parent: the generation before the stage; changed: the views whose weights change. All outlive it.
  BeforeStage(Session& session, GenerationId parent, const std::vector<int>& changed);

  bool any_stage() const { return any_stage_; }  // a stage was before this one
  const pool::Generation& generation() const { return generation_; }
  LoadedModel& loaded();  // read when somebody asks
  // Of the changed views, as they were; what the stage added to a grid, as it was when it was added.
  ParameterField weights() const;
  // A field that the stage before left as a trunk, which is there. UsageError that names `what` when it does not fit.
  ParameterField field(const std::string& trunk, const std::string& what) const;
  // What the stage itself had gathered when it was interrupted; a stage that begins leaves `field` as it is.
  void go_on_with(const std::string& trunk, ParameterField& field) const;

 private:
  Session& session_;
  pool::Generation generation_;
  const std::vector<int>& changed_;
  bool any_stage_;
  std::optional<LoadedModel> loaded_;
};

}  // namespace peer::trainer
