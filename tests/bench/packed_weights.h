// What packing a frozen map's weights ahead would gain.
#pragma once

#include <cstdint>

#include "tests/bench/report_line.h"

namespace peer::bench {

// gemm.packed: y (tokens, outputs) = x W^T by oneDNN's matmul, one thread, W (outputs, inputs) in the layout that oneDNN likes best, made
// beforehand, against W as it is stored; the figure is how many times as fast it is.
void packed_weights(Report& report, std::int64_t tokens, std::int64_t inputs, std::int64_t outputs, bool bf16, int rounds);

}  // namespace peer::bench
