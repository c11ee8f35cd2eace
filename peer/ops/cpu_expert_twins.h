// The CPU twins of the expert ops. Only their dispatchers call these, through cpu_table.h: shapes were checked before.
#pragma once

#include "peer/ops/adamw_rows.h"
#include "peer/ops/expert_mix.h"
#include "peer/ops/expert_number.h"
#include "peer/ops/expert_row_gradient.h"
#include "peer/ops/expert_row_update.h"
#include "peer/ops/expert_sweep.h"
#include "peer/ops/page_use.h"
#include "peer/ops/product_key_topk.h"
#include "peer/ops/query_norm.h"
#include "peer/ops/router_gate.h"
#include "peer/ops/row_order.h"
#include "peer/ops/stage_experts.h"

namespace peer::ops::cpu {

void adamw_rows(Context& ctx, const AdamwRows& op);
void expert_mix(Context& ctx, const ExpertMix& op);
void expert_mix_backward(Context& ctx, const ExpertMixBackward& op);
void expert_number(Context& ctx, const ExpertNumber& op);
void expert_row_gradient(Context& ctx, const ExpertRowGradient& op);
void expert_row_update(Context& ctx, const ExpertRowUpdate& op);
void expert_sweep(Context& ctx, const ExpertSweep& op);
void page_use(Context& ctx, const PageUse& op);
void product_key_topk(Context& ctx, const ProductKeyTopK& op);
void product_key_topk_backward(Context& ctx, const ProductKeyTopKBackward& op);
void query_norm(Context& ctx, const QueryNorm& op);
void query_norm_backward(Context& ctx, const QueryNormBackward& op);
void router_gate(Context& ctx, const RouterGate& op);
void router_gate_backward(Context& ctx, const RouterGateBackward& op);
std::int64_t row_order(Context& ctx, const RowOrder& op);
void stage_experts(Context& ctx, const StageExperts& op);

}  // namespace peer::ops::cpu
