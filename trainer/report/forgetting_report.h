#pragma once

#include "trainer/report/report.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// The forgetting report of a session's generation, from what its stages measured: nothing is computed anew but the intervals.
ForgettingReport make_report(const Session& session);

}  // namespace peer::trainer
