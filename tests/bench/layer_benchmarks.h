// The benchmarks of the PEER layer. Each prints its lines; the limits are measured in turn with the code that is compared with them.
#pragma once

#include <vector>

#include "tests/bench/peer_workbench.h"
#include "tests/bench/report_line.h"

namespace peer::bench {

// limit.gather, limit.rmw, limit.gemm: the anchors of everything below, at the width of the shape.
void limits(Report& report, const PeerShape& shape, int rounds);

// peer.forward: query map, norm, top-K, gate, mix. The limit: the FLOPs at the speed of the square GEMM, and the rows of the same picks in
// the same order, only read.
void forward(Report& report, const PeerShape& shape, int rounds, Goal goal);

// peer.step, peer.online: forward, backward, AdamW of the touched rows and of the router. The limit: that of forward; the two GEMMs of the
// query map's backward; of experts picked several times the records and the tokens' vectors once more a pick; every touched record read
// and written once.
void step(Report& report, const std::string& name, const PeerShape& shape, int rounds, Goal goal);

// rows.bf16: gathering, activating and scattering the picked experts of bf16 rows against the same of fp32 rows.
void rows_bf16(Report& report, PeerShape shape, int rounds, Goal goal);

// growth.cost: the time of forward at each side, as a multiple of that at the first.
void growth_cost(Report& report, const std::vector<std::int64_t>& sides, int rounds, Goal goal);

// threads.scale: a step on two threads against one, by the wall clock.
void thread_scale(Report& report, const PeerShape& shape, int rounds, Goal goal);

// memory.peak: the largest resident set of a process that trains, as a multiple of the experts' records. Run alone.
void memory_peak(Report& report, const PeerShape& shape, Goal goal);

// The time of each op in a step, on one thread, and how many sub-keys it picked.
void profile(const PeerShape& shape, int rounds);

}  // namespace peer::bench
