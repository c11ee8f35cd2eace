// The benchmarks of single ops.
#pragma once

#include "peer/device/precision.h"
#include "tests/bench/peer_workbench.h"
#include "tests/bench/report_line.h"

namespace peer::bench {

// topk.row: the exact top 16 of `side` sub-keys of 16 numbers, nanoseconds a row, with a share of the ranking of pairs. topk.select: what
// of it is not scoring, that is what does not grow with the length of sub-keys: the line through sub-keys of 4 and 8 numbers, at 0.
void topk_row(Report& report, std::int64_t side, int rounds, Goal goal);

// topk.scored: product_key_topk with sub-keys of 128 numbers. The limit: its scores' FLOPs at the speed of the fp32 GEMM. Where the CPU
// multiplies bf16 most scores are taken in it, which may beat that limit.
void topk_scored(Report& report, std::int64_t side, int rounds, Goal goal);

// adamw.touched: AdamW of one of `every` experts, in rising order. The limit: the same records in the same order read and written.
void adamw_touched(Report& report, PeerWorkbench& bench, std::int64_t every, int rounds, Goal goal);

// gemm.bf16: the three products of a linear map of `tokens` vectors in bf16, the rounding of their operands included, against the same in
// fp32; the figure is how many times as fast they are.
void bf16_products(Report& report, std::int64_t tokens, std::int64_t inputs, std::int64_t outputs, int rounds);

// attention and attention.backward, `batch` texts of `time` tokens, heads of `width` numbers. The limit: their FLOPs of visible pairs at
// the speed of the fp32 GEMM, which bf16 may pass.
struct AttentionSize {
  std::int64_t batch, time, heads, key_heads, width;
};
void attention_speed(Report& report, const AttentionSize& size, Precision precision, int rounds, Goal goal);

}  // namespace peer::bench
