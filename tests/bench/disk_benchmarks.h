// A pool larger than memory: some of the rows that a batch needs lie on the disk.
#pragma once

#include "tests/bench/peer_workbench.h"
#include "tests/bench/report_line.h"

namespace peer::bench {

// disk.miss: a forward pass when `percent` of the system's pages that hold its rows are not in memory. The limit: the forward pass with all
// of them there, and the missing ones at the rate at which the disk gives pages that are asked for all at once. As much was missing in the
// batch before. By the wall clock.
void disk_miss(Report& report, const PeerShape& shape, double percent, int rounds, Goal goal);

}  // namespace peer::bench
