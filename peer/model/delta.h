#pragma once

#include <optional>
#include <vector>

#include "peer/layers/layer_delta.h"
#include "peer/model/model_options.h"
#include "peer/model/vocabulary_delta.h"

namespace peer::model {

// What one stage adds to the whole model: a LayerDelta for every layer, and changes of the embedding and the head.
struct Delta {
  explicit Delta(Device device, layers::Start start = layers::Start::kDrawn) : parameters(device, start) {}
  DeltaOptions options;
  layers::Parameters parameters;
  std::vector<layers::LayerDelta> layers;
  std::optional<VocabularyDelta> vocabulary;  // none of a retired view
};

}  // namespace peer::model
