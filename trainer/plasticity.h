// What a stage may change.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/model/model.h"
#include "streams/batch.h"
#include "trainer/growth_options.h"
#include "trainer/step.h"
#include "trainer/train_options.h"

namespace peer::trainer {

// Makes trainable what `trains` says and freezes the rest. Returns the views that may change: with grown and adapters the view alone, with
// all and experts everything on its path. Of the base, grown are its routers and experts: the part of them that was there before an
// extension is masked at the update. What is already as it should be keeps its moments.
std::vector<int> make_plastic(model::Model& model, int view, Trains trains);

// Freezes the batch statistics of the views for ever; freeze: everything else too.
void freeze_statistics(model::Model& model, const std::vector<int>& views);
void freeze(model::Model& model, const std::vector<int>& views);

// Batch statistics of what is trained. A branch that starts at zero measures its queries once on the first batch and freezes them,
// which changes no output; a base that was never trained moves them until its stage ends, and is not measured here.
void measure_new_statistics(model::Model& model, int view, TrainingStep& step, const streams::Batch& batch);

std::int64_t parameters_in(model::Model& model, int view);  // numbers in the view's own tensors and experts
std::int64_t experts_in(model::Model& model, int view);

}  // namespace peer::trainer
