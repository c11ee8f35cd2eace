// What a stage may change.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/model/model.h"
#include "streams/batch.h"
#include "trainer/options/growth_options.h"
#include "trainer/options/train_options.h"
#include "trainer/step.h"

namespace peer::trainer {

// Makes trainable what `trains` says and freezes the rest. Returns the views that may change: with grown and adapters the view alone, with
// all and experts everything on its path. Of the base, grown are its routers and experts: the part of them that was there before an
// extension is masked at the update. What is already as it should be keeps its moments.
std::vector<int> make_plastic(model::Model& model, int view, Trains trains);

// Freezes the batch statistics of the views for ever; freeze: everything else too.
void freeze_statistics(model::Model& model, const std::vector<int>& views);
void freeze(model::Model& model, const std::vector<int>& views);

// What a grown view takes from the first batch before it is trained, which changes no output: the batch statistics of its queries, once and
// for ever (those of a base move until its stage ends), and sub-keys at the centroids of these queries when its options say so.
void meet_first_batch(Context& ctx, model::Model& model, int view, TrainingStep& step, const streams::Batch& batch);

}  // namespace peer::trainer
