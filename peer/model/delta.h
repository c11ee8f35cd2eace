#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/layers/layer_delta.h"
#include "peer/model/model_options.h"

namespace peer::model {

// What one stage adds to the whole model: a LayerDelta for every layer, and changes of the embedding and the head.
struct Delta {
  explicit Delta(Device device) : parameters(device) {}
  DeltaOptions options;
  layers::Parameters parameters;
  std::vector<layers::LayerDelta> layers;
  layers::Parameter* embedding = nullptr;  // (V, D)  dE; none where options.first_layer > 0
  layers::Parameter* head = nullptr;       // (V, D)  dH
};

}  // namespace peer::model
