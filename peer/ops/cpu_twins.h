// The CPU twins of the dense ops. Only their dispatchers call these, through cpu_table.h: shapes were checked before.
#pragma once

#include "peer/ops/adamw.h"
#include "peer/ops/attention.h"
#include "peer/ops/axpby.h"
#include "peer/ops/bias.h"
#include "peer/ops/cached_attention.h"
#include "peer/ops/cross_entropy.h"
#include "peer/ops/distillation.h"
#include "peer/ops/embedding.h"
#include "peer/ops/rms_norm.h"
#include "peer/ops/rotary.h"
#include "peer/ops/sum_of_squares.h"
#include "peer/ops/swiglu.h"

namespace peer::ops::cpu {

void adamw(Context& ctx, const Adamw& op);
void attention(Context& ctx, const Attention& op);
void attention_backward(Context& ctx, const AttentionBackward& op);
void axpby(Context& ctx, const Axpby& op);
void bias(Context& ctx, const Bias& op);
void bias_backward(Context& ctx, const BiasBackward& op);
void cached_attention(Context& ctx, const CachedAttention& op);
void cross_entropy(Context& ctx, const CrossEntropy& op);
void cross_entropy_with_gradient(Context& ctx, const CrossEntropyWithGradient& op);
void distillation(Context& ctx, const Distillation& op);
void embedding(Context& ctx, const Embedding& op);
void embedding_backward(Context& ctx, const EmbeddingBackward& op);
void rms_norm(Context& ctx, const RmsNorm& op);
void rms_norm_backward(Context& ctx, const RmsNormBackward& op);
void rotary(Context& ctx, const Rotary& op);
void sum_of_squares(Context& ctx, const SumOfSquares& op);
void swiglu(Context& ctx, const Swiglu& op);
void swiglu_backward(Context& ctx, const SwigluBackward& op);

}  // namespace peer::ops::cpu
