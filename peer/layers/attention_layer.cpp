#include "peer/layers/attention_layer.h"

#include <cmath>

#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/layers/initialise.h"
#include "peer/ops/attention.h"
#include "peer/ops/bias.h"
#include "peer/ops/cached_attention.h"
#include "peer/ops/rms_norm.h"
#include "peer/ops/rotary.h"

namespace peer::layers {
namespace {

void add_bias(Context& ctx, const Parameter* bias, View<float, 2> y) {
  if (bias != nullptr) ops::bias(ctx, {.bias = bias->vector(), .y = y});
}

void add_bias_gradient(Context& ctx, View<const float, 2> dy, Parameter* bias) {
  if (bias != nullptr && bias->trainable()) ops::bias_backward(ctx, {.dy = dy, .dbias = bias->gradient_vector()});
}

AttentionActivations::Unnormed unnormed(Device device, std::int64_t rows, const AttentionShape& shape) {
  if (shape.norm == QueryKeyNorm::kNone) return {};
  return {Buffer<float>(device, rows * shape.head_width), Buffer<float>(device, rows)};
}

// y: what the norm gives.
void norm_heads(Context& ctx, const Parameter* weight, double epsilon, AttentionActivations::Unnormed& saved, Buffer<float>& y) {
  if (weight == nullptr) return;
  const std::int64_t d = weight->size(), rows = y.size() / d;
  ops::rms_norm(ctx, {.x = saved.x.view(rows, d),
                      .weight = weight->vector(),
                      .epsilon = static_cast<float>(epsilon),
                      .y = y.view(rows, d),
                      .inverse_rms = saved.inverse_rms.view(rows)});
}

// work.x set: the gradient of what the norm was given.
void norm_heads_backward(Context& ctx, Parameter* weight, const AttentionActivations::Unnormed& saved, const Buffer<float>& dy,
                         AttentionActivations::Unnormed& work) {
  if (weight == nullptr) return;
  const std::int64_t d = weight->size(), rows = dy.size() / d;
  const View<float, 2> dx = work.x.view(rows, d);
  queue_zero(ctx, dx);
  ops::rms_norm_backward(ctx, {.x = saved.x.view(rows, d),
                               .weight = weight->vector(),
                               .inverse_rms = saved.inverse_rms.view(rows),
                               .dy = dy.view(rows, d),
                               .dx = dx,
                               .dweight = weight->trainable() ? weight->gradient_vector() : View<float, 1>()});
}

}  // namespace

AttentionAdapters::AttentionAdapters(Parameters& parameters, const std::string& prefix, const AttentionShape& shape, std::int64_t rank,
                                     std::uint64_t seed)
    : q(LowRankAdapter::create(parameters, prefix + ".q_proj", shape.width, shape.query_width(), rank, seed)),
      k(LowRankAdapter::create(parameters, prefix + ".k_proj", shape.width, shape.kv_width(), rank, seed)),
      v(LowRankAdapter::create(parameters, prefix + ".v_proj", shape.width, shape.kv_width(), rank, seed)),
      o(LowRankAdapter::create(parameters, prefix + ".o_proj", shape.query_width(), shape.width, rank, seed)) {}

AttentionActivations::AttentionActivations(Device device, std::int64_t batch, std::int64_t length, const AttentionShape& shape,
                                           std::span<const std::int64_t> ranks)
    : q(device, batch * length * shape.query_width()),
      k(device, batch * length * shape.kv_width()),
      v(device, batch * length * shape.kv_width()),
      unnormed_q(unnormed(device, batch * length * shape.heads, shape)),
      unnormed_k(unnormed(device, batch * length * shape.kv_heads, shape)),
      lse(device, batch * shape.heads * length),
      attended(device, batch * length * shape.query_width()) {
  make_room(batch * length, ranks);
}

void AttentionActivations::make_room(std::int64_t tokens, std::span<const std::int64_t> ranks) {
  low.resize(ranks.size());
  const auto room = [&](std::int64_t size) { return Buffer<float>(q.device(), size); };
  for (std::size_t g = 0; g < ranks.size(); ++g)
    if (const std::int64_t n = tokens * ranks[g]; low[g].size() < n) low[g] = {room(n), room(n), room(n), room(n)};
}

AttentionLayer::AttentionLayer(Parameters& parameters, const std::string& prefix, const AttentionShape& shape, double output_deviation,
                               std::uint64_t seed)
    : shape_(shape) {
  const double deviation = 1.0 / std::sqrt(static_cast<double>(shape.width));
  const auto map = [&](const char* name, std::int64_t output, std::int64_t input, double std_deviation) {
    Parameter& p = parameters.add(prefix + name, {output, input}, ParameterGroup::kTrunk, true);
    parameters.draw(p, std_deviation, seed);
    return &p;
  };
  const auto bias = [&](const char* name, std::int64_t output, bool there) {
    return there ? &parameters.add(prefix + name, {output}, ParameterGroup::kTrunk) : nullptr;
  };
  const auto norm = [&](const char* name) -> Parameter* {
    if (shape.norm == QueryKeyNorm::kNone) return nullptr;
    Parameter& p = parameters.add(prefix + name, {shape.head_width}, ParameterGroup::kTrunk);
    initialise_constant(p.write(), 1.0f);
    return &p;
  };
  const bool inputs = shape.bias != AttentionBias::kNone;
  q_ = map(".q_proj.weight", shape.query_width(), shape.width, deviation);
  q_bias_ = bias(".q_proj.bias", shape.query_width(), inputs);
  k_ = map(".k_proj.weight", shape.kv_width(), shape.width, deviation);
  k_bias_ = bias(".k_proj.bias", shape.kv_width(), inputs);
  v_ = map(".v_proj.weight", shape.kv_width(), shape.width, deviation);
  v_bias_ = bias(".v_proj.bias", shape.kv_width(), inputs);
  o_ = map(".o_proj.weight", shape.width, shape.query_width(), output_deviation);
  o_bias_ = bias(".o_proj.bias", shape.width, shape.bias == AttentionBias::kQkvo);
  q_norm_ = norm(".q_norm.weight");
  k_norm_ = norm(".k_norm.weight");
}

void AttentionLayer::forward(Context& ctx, const Operand& x, std::int64_t length, std::span<const AttentionAdapters* const> adapters,
                             AttentionActivations& saved, View<float, 2> y, const Past& past) const {
  const std::int64_t n = x.rows(), width = shape_.query_width(), kv = shape_.kv_width();
  const View<float, 2> q = saved.mapped_q(n), k = saved.mapped_k(n);
  linear(ctx, x, *q_, 0.0f, q);
  linear(ctx, x, *k_, 0.0f, k);
  linear(ctx, x, *v_, 0.0f, saved.v.view(n, kv));
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->q.rank();
    adapters[g]->q.forward(ctx, x, saved.low[g].q.view(n, rank), q);
    adapters[g]->k.forward(ctx, x, saved.low[g].k.view(n, rank), k);
    adapters[g]->v.forward(ctx, x, saved.low[g].v.view(n, rank), saved.v.view(n, kv));
  }
  add_bias(ctx, q_bias_, q);
  add_bias(ctx, k_bias_, k);
  add_bias(ctx, v_bias_, saved.v.view(n, kv));
  norm_heads(ctx, q_norm_, shape_.norm_epsilon, saved.unnormed_q, saved.q);
  norm_heads(ctx, k_norm_, shape_.norm_epsilon, saved.unnormed_k, saved.k);
  attend(ctx, length, saved, past);
  linear(ctx, saved.attended.view(n, width), *o_, 1.0f, y);
  for (std::size_t g = 0; g < adapters.size(); ++g)
    if (adapters[g] != nullptr)
      adapters[g]->o.forward(ctx, saved.attended.view(n, width), saved.low[g].o.view(n, adapters[g]->o.rank()), y);
  add_bias(ctx, o_bias_, y);
}

void AttentionLayer::attend(Context& ctx, std::int64_t length, AttentionActivations& saved, const Past& past) const {
  const std::int64_t d = shape_.head_width, kv = shape_.kv_width(), b = saved.k.size() / kv / length;
  const View<float, 4> q(saved.q.data(), b, length, shape_.heads, d), k(saved.k.data(), b, length, shape_.kv_heads, d);
  const View<float, 4> v(saved.v.data(), b, length, shape_.kv_heads, d), y(saved.attended.data(), b, length, shape_.heads, d);
  for (const View<float, 4>& x : {q, k})
    ops::rotary(ctx, {.x = x, .first_position = past.tokens, .theta = shape_.rope_theta, .scaling = shape_.rope_scaling});
  if (past.cache == nullptr) {
    ops::attention(ctx, {.q = q, .k = k, .v = v, .y = y, .lse = saved.lse.view(b, shape_.heads, length)});
    return;
  }
  KeyValueCache& cache = *past.cache;
  require(past.tokens + length <= cache.capacity, "attention: the cache is full");
  const std::int64_t bytes = length * kv * static_cast<std::int64_t>(sizeof(float));
  for (std::int64_t i = 0; i < b; ++i) {
    queue_copy(ctx, k.row(i), cache.key.data() + (i * cache.capacity + past.tokens) * kv, bytes);
    queue_copy(ctx, v.row(i), cache.value.data() + (i * cache.capacity + past.tokens) * kv, bytes);
  }
  ops::cached_attention(ctx, {.q = q,
                              .key = cache.key.view(b, cache.capacity, shape_.kv_heads, d),
                              .value = cache.value.view(b, cache.capacity, shape_.kv_heads, d),
                              .first_position = past.tokens,
                              .y = y});
}

void AttentionLayer::backward(Context& ctx, const Operand& x, std::int64_t length, std::span<const AttentionAdapters* const> adapters,
                              AttentionActivations& saved, View<const float, 2> dy, AttentionActivations& work, View<float, 2> dx) const {
  const std::int64_t n = x.rows(), b = n / length, d = shape_.head_width, width = shape_.query_width(), kv = shape_.kv_width();
  const View<const float, 2> attended = saved.attended.view(n, width);
  const View<float, 2> dattended = work.attended.view(n, width);
  add_bias_gradient(ctx, dy, o_bias_);
  linear_backward(ctx, attended, dy, *o_, 0.0f, dattended);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->o.rank();
    adapters[g]->o.backward(ctx, attended, saved.low[g].o.view(n, rank), dy, work.low[g].o.view(n, rank), dattended);
  }
  const View<float, 4> dq(work.q.data(), b, length, shape_.heads, d), dk(work.k.data(), b, length, shape_.kv_heads, d);
  ops::attention_backward(ctx, {.q = saved.q.view(b, length, shape_.heads, d),
                                .k = saved.k.view(b, length, shape_.kv_heads, d),
                                .v = saved.v.view(b, length, shape_.kv_heads, d),
                                .y = saved.attended.view(b, length, shape_.heads, d),
                                .lse = saved.lse.view(b, shape_.heads, length),
                                .dy = work.attended.view(b, length, shape_.heads, d),
                                .dq = dq,
                                .dk = dk,
                                .dv = work.v.view(b, length, shape_.kv_heads, d)});
  for (const View<float, 4>& x : {dq, dk})
    ops::rotary(ctx, {.x = x, .theta = shape_.rope_theta, .inverse = true, .scaling = shape_.rope_scaling});
  norm_heads_backward(ctx, q_norm_, saved.unnormed_q, work.q, work.unnormed_q);
  norm_heads_backward(ctx, k_norm_, saved.unnormed_k, work.k, work.unnormed_k);
  const View<float, 2> dmapped_q = work.mapped_q(n), dmapped_k = work.mapped_k(n);
  add_bias_gradient(ctx, dmapped_q, q_bias_);
  add_bias_gradient(ctx, dmapped_k, k_bias_);
  add_bias_gradient(ctx, work.v.view(n, kv), v_bias_);
  linear_backward(ctx, x, dmapped_q, *q_, 1.0f, dx);
  linear_backward(ctx, x, dmapped_k, *k_, 1.0f, dx);
  linear_backward(ctx, x, work.v.view(n, kv), *v_, 1.0f, dx);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->q.rank();
    adapters[g]->q.backward(ctx, x, saved.low[g].q.view(n, rank), dmapped_q, work.low[g].q.view(n, rank), dx);
    adapters[g]->k.backward(ctx, x, saved.low[g].k.view(n, rank), dmapped_k, work.low[g].k.view(n, rank), dx);
    adapters[g]->v.backward(ctx, x, saved.low[g].v.view(n, rank), work.v.view(n, kv), work.low[g].v.view(n, rank), dx);
  }
}

}  // namespace peer::layers
