// Compiled once for each path, which CMake names: PEER_CPU_TABLE=kAvx2Twins.
#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/cpu_table.h"
#include "peer/ops/cpu_twins.h"

namespace peer::ops {

constinit const CpuTwins PEER_CPU_TABLE = {
    .adamw = cpu::adamw,
    .adamw_rows = cpu::adamw_rows,
    .attention = cpu::attention,
    .attention_backward = cpu::attention_backward,
    .axpby = cpu::axpby,
    .bias = cpu::bias,
    .bias_backward = cpu::bias_backward,
    .cached_attention = cpu::cached_attention,
    .cross_entropy = cpu::cross_entropy,
    .cross_entropy_with_gradient = cpu::cross_entropy_with_gradient,
    .distillation = cpu::distillation,
    .embedding = cpu::embedding,
    .embedding_backward = cpu::embedding_backward,
    .expert_mix = cpu::expert_mix,
    .expert_mix_backward = cpu::expert_mix_backward,
    .expert_number = cpu::expert_number,
    .expert_row_gradient = cpu::expert_row_gradient,
    .expert_row_update = cpu::expert_row_update,
    .expert_sweep = cpu::expert_sweep,
    .page_use = cpu::page_use,
    .product_key_topk = cpu::product_key_topk,
    .product_key_topk_backward = cpu::product_key_topk_backward,
    .query_norm = cpu::query_norm,
    .query_norm_backward = cpu::query_norm_backward,
    .rms_norm = cpu::rms_norm,
    .rms_norm_backward = cpu::rms_norm_backward,
    .rotary = cpu::rotary,
    .router_gate = cpu::router_gate,
    .router_gate_backward = cpu::router_gate_backward,
    .row_order = cpu::row_order,
    .stage_experts = cpu::stage_experts,
    .sum_of_squares = cpu::sum_of_squares,
    .swiglu = cpu::swiglu,
    .swiglu_backward = cpu::swiglu_backward,
};

}  // namespace peer::ops
