#pragma once

#include <cstdint>

#include "tests/bench/peer_workbench.h"
#include "tests/bench/report_line.h"

namespace peer::bench {

// The grid of a block in training becomes side x side while it goes on to take steps, by the wall clock on two threads. In units of the
// median step before, medians over the rounds, each with a new block:
//   growth.extend     how long extending took
//   growth.live       by how much extending lengthens the step after it, or drawing the time that 19 of 20 steps keep within, or how long
//                     opening takes, whichever is longest
//   growth.longest    the longest time without a finished step, less one step; the limit: that before, which other programs lengthen too
//   growth.drawn      how long until the new experts were open
//   growth.meanwhile  the steps that were finished until then, against those of the same time without growth
// backed: the memory of the new experts was in use a moment before (BackedMemory). Throws when an old record moved.
void growth_live(Report& report, const PeerShape& shape, std::int64_t side, bool backed, int rounds, Goal goal);

}  // namespace peer::bench
