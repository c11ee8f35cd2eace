// A pool larger than memory: some of the rows that a batch needs lie on the disk.
#pragma once

#include "tests/bench/peer_workbench.h"
#include "tests/bench/report_line.h"

namespace peer::bench {

// disk.miss: a forward pass when `percent` of the system's pages that hold its rows are not in memory, as in the batch before. The limit:
// the forward pass with all of them there, and the missing ones at the rate at which the disk gives pages that are asked for all at once.
// disk.first: the first such batch after one that missed nothing, whose pages come one after the other. By the wall clock.
void disk_miss(Report& report, const PeerShape& shape, double percent, int rounds, Goal goal);

}  // namespace peer::bench
