#pragma once

#include <string>
#include <vector>

#include "peer/model/model_options.h"

namespace peer::model {

struct Preset {
  std::string name, summary;
  ModelOptions model;
  DeltaOptions delta;
};

const std::vector<Preset>& presets();
// UsageError with the nearest name.
const Preset& preset(const std::string& name);

}  // namespace peer::model
