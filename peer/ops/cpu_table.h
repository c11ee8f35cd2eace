// The CPU twins of every op on one path, as pointers: each path is linked as one object that shows nothing but its table (cpu_paths.cmake).
#pragma once

#include "peer/device/cpu_path.h"
#include "peer/ops/adamw.h"
#include "peer/ops/adamw_rows.h"
#include "peer/ops/attention.h"
#include "peer/ops/axpby.h"
#include "peer/ops/bias.h"
#include "peer/ops/cached_attention.h"
#include "peer/ops/cross_entropy.h"
#include "peer/ops/distillation.h"
#include "peer/ops/embedding.h"
#include "peer/ops/expert_mix.h"
#include "peer/ops/expert_number.h"
#include "peer/ops/expert_row_gradient.h"
#include "peer/ops/expert_row_update.h"
#include "peer/ops/expert_sweep.h"
#include "peer/ops/page_use.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/query_norm.h"
#include "peer/ops/rms_norm.h"
#include "peer/ops/rotary.h"
#include "peer/ops/router_gate.h"
#include "peer/ops/row_order.h"
#include "peer/ops/stage_experts.h"
#include "peer/ops/sum_of_squares.h"
#include "peer/ops/swiglu.h"

namespace peer::ops {

template <class Op, class Result = void>
using CpuTwin = Result (*)(Context& ctx, const Op& op);

struct CpuTwins {
  CpuTwin<Adamw> adamw;
  CpuTwin<AdamwRows> adamw_rows;
  CpuTwin<Attention> attention;
  CpuTwin<AttentionBackward> attention_backward;
  CpuTwin<Axpby> axpby;
  CpuTwin<Bias> bias;
  CpuTwin<BiasBackward> bias_backward;
  CpuTwin<CachedAttention> cached_attention;
  CpuTwin<CrossEntropy> cross_entropy;
  CpuTwin<CrossEntropyWithGradient> cross_entropy_with_gradient;
  CpuTwin<Distillation> distillation;
  CpuTwin<Embedding> embedding;
  CpuTwin<EmbeddingBackward> embedding_backward;
  CpuTwin<ExpertMix> expert_mix;
  CpuTwin<ExpertMixBackward> expert_mix_backward;
  CpuTwin<ExpertNumber> expert_number;
  CpuTwin<ExpertRowGradient> expert_row_gradient;
  CpuTwin<ExpertRowUpdate> expert_row_update;
  CpuTwin<ExpertSweep> expert_sweep;
  CpuTwin<PageUse> page_use;
  CpuTwin<ProductKeyTopK> product_key_topk;
  CpuTwin<ProductKeyTopKBackward> product_key_topk_backward;
  CpuTwin<QueryNorm> query_norm;
  CpuTwin<QueryNormBackward> query_norm_backward;
  CpuTwin<RmsNorm> rms_norm;
  CpuTwin<RmsNormBackward> rms_norm_backward;
  CpuTwin<Rotary> rotary;
  CpuTwin<RouterGate> router_gate;
  CpuTwin<RouterGateBackward> router_gate_backward;
  CpuTwin<RowOrder, std::int64_t> row_order;
  CpuTwin<StageExperts> stage_experts;
  CpuTwin<SumOfSquares> sum_of_squares;
  CpuTwin<Swiglu> swiglu;
  CpuTwin<SwigluBackward> swiglu_backward;
};

// Data, not functions: reaching a table runs no instruction of its path.
extern const CpuTwins kPortableTwins, kAvx2Twins, kAvx512Twins, kAvx512bf16Twins, kNativeTwins;

// The table of ctx's path. A path that this build does not have is never referred to, so nothing has to stand in for it.
inline const CpuTwins& cpu_twins(const Context& ctx) {
  const CpuPath path = ctx.cpu_path();
  if constexpr (built_with(CpuPath::kNative)) return kNativeTwins;
  if constexpr (built_with(CpuPath::kAvx512Bf16))
    if (path == CpuPath::kAvx512Bf16) return kAvx512bf16Twins;
  if constexpr (built_with(CpuPath::kAvx512))
    if (path == CpuPath::kAvx512) return kAvx512Twins;
  if constexpr (built_with(CpuPath::kAvx2))
    if (path == CpuPath::kAvx2) return kAvx2Twins;
  if constexpr (built_with(CpuPath::kPortable))
    if (path == CpuPath::kPortable) return kPortableTwins;
  throw ContractError("cpu_twins: a context's path must be one of this build");
}

}  // namespace peer::ops
