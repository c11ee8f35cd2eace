// What a stage may change.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/model/model.h"
#include "streams/batch.h"
#include "trainer/step.h"
#include "trainer/train_options.h"

namespace peer::trainer {

// in_place: everything on the view's path; else the view's own delta alone. The rest is frozen. Returns the views that may change.
// Views that are already as they should be keep their moments.
std::vector<int> make_plastic(model::Model& model, int view, bool in_place);

// Freezes the batch statistics of the views for ever; freeze: everything else too.
void freeze_statistics(model::Model& model, const std::vector<int>& views);
void freeze(model::Model& model, const std::vector<int>& views);

// Batch statistics of what is trained. A branch that starts at zero measures its queries once on the first batch and freezes them,
// which changes no output; a base that was never trained moves them until its stage ends.
void measure_new_statistics(model::Model& model, int view, bool in_place, TrainingStep& step, const streams::Batch& batch);

std::int64_t parameters_in(model::Model& model, int view);  // numbers in the view's own tensors and experts
std::int64_t experts_in(model::Model& model, int view);

}  // namespace peer::trainer
