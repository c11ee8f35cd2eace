// The view that a stage trains: grown for it, grown by hand before, or one that is there.
#pragma once

#include <atomic>

#include "peer/base/progress.h"
#include "streams/corpus.h"
#include "trainer/stage.h"
#include "trainer/state/session.h"

namespace peer::trainer {

struct ChosenView {
  int view = 0;
  bool known = false;  // --experts auto found that the text is no news to this view: nothing was grown, and the stage only measures
};

// The part of growing that needs neither text nor scores, before both: an extension enlarges the base's grids here, so that their rows are
// drawn while the text is read and scored; they stay dormant until choose_view() opens them. UsageError when that cannot be.
void begin_growth(Session& session, const RunOptions& options, Progress& progress);

// After begin_growth(). `stream` grows a view on the best parent, or trains the newest in place, or the base while nothing was learnt;
// `train` takes the view that was grown by hand, or the base while nothing was grown. `options`: for a base that is trained as it is, what
// they say of growth is made to say so. UsageError when there is nothing to train. ScoringStopped once `stop` is set and a text is to be
// scored.
ChosenView choose_view(Session& session, RunOptions& options, streams::Corpus& corpus, Progress& progress, const std::atomic<bool>& stop);

// Whether that is the base, in place: nothing was grown on it yet, and the stage grows no view, or nothing was learnt yet.
bool trains_the_base(const Session& session, const RunOptions& options);

// The part of that which needs neither text nor scores: UsageError when the stage will find no view to train.
void check_view_to_train(const Session& session, const RunOptions& options);

}  // namespace peer::trainer
