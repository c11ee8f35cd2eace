// The benchmarks of the PEER layer. Each prints its lines; the limits are measured in turn with the code.
#pragma once

#include "tests/bench/report_line.h"
#include "tests/bench/peer_workbench.h"

namespace peer::bench {

// peer.forward: query map, norm, top-K, gate, mix. The limit: the FLOPs at the speed of the square GEMM plus the rows of the same picks in
// the same order, only read.
void forward(Report& report, const PeerShape& shape, int rounds, double target, double floor);

// peer.step: forward, backward, AdamW of the touched rows and of the router. The limit: that of forward, the two GEMMs of the query map's
// backward, and the touched records read and written once.
void step(Report& report, const std::string& name, const PeerShape& shape, int rounds, double target, double floor);

// The time of each op in a step, on one thread.
void profile(const PeerShape& shape, int rounds);

}  // namespace peer::bench
