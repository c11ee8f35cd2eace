#include "peer/layers/attention_layer.h"

#include <cmath>

#include "peer/base/require.h"
#include "peer/device/copy.h"
#include "peer/ops/attention.h"
#include "peer/ops/bias.h"
#include "peer/ops/cached_attention.h"
#include "peer/ops/rotary.h"

namespace peer::layers {
namespace {

void add_bias(Context& ctx, const Parameter* bias, View<float, 2> y) {
  if (bias != nullptr) ops::bias(ctx, {.bias = bias->vector(), .y = y});
}

void add_bias_gradient(Context& ctx, View<const float, 2> dy, Parameter* bias) {
  if (bias != nullptr && bias->trainable()) ops::bias_backward(ctx, {.dy = dy, .dbias = bias->gradient_vector()});
}

}  // namespace

AttentionAdapters::AttentionAdapters(Parameters& parameters, const std::string& prefix, const AttentionShape& shape, std::int64_t rank,
                                     std::uint64_t seed)
    : q(LowRankAdapter::create(parameters, prefix + ".q_proj", shape.width, shape.width, rank, seed)),
      k(LowRankAdapter::create(parameters, prefix + ".k_proj", shape.width, shape.kv_width(), rank, seed)),
      v(LowRankAdapter::create(parameters, prefix + ".v_proj", shape.width, shape.kv_width(), rank, seed)),
      o(LowRankAdapter::create(parameters, prefix + ".o_proj", shape.width, shape.width, rank, seed)) {}

AttentionActivations::AttentionActivations(Device device, std::int64_t batch, std::int64_t length, const AttentionShape& shape,
                                           std::span<const std::int64_t> ranks)
    : q(device, batch * length * shape.width),
      k(device, batch * length * shape.kv_width()),
      v(device, batch * length * shape.kv_width()),
      lse(device, batch * shape.heads * length),
      attended(device, batch * length * shape.width) {
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
  const auto map = [&](const char* name, std::int64_t output, double std_deviation) {
    Parameter& p = parameters.add(prefix + name, {output, shape.width}, ParameterGroup::kTrunk, true);
    parameters.draw(p, std_deviation, seed);
    return &p;
  };
  const auto bias = [&](const char* name, std::int64_t output, bool there) {
    return there ? &parameters.add(prefix + name, {output}, ParameterGroup::kTrunk) : nullptr;
  };
  const bool inputs = shape.bias != AttentionBias::kNone;
  q_ = map(".q_proj.weight", shape.width, deviation);
  q_bias_ = bias(".q_proj.bias", shape.width, inputs);
  k_ = map(".k_proj.weight", shape.kv_width(), deviation);
  k_bias_ = bias(".k_proj.bias", shape.kv_width(), inputs);
  v_ = map(".v_proj.weight", shape.kv_width(), deviation);
  v_bias_ = bias(".v_proj.bias", shape.kv_width(), inputs);
  o_ = map(".o_proj.weight", shape.width, output_deviation);
  o_bias_ = bias(".o_proj.bias", shape.width, shape.bias == AttentionBias::kQkvo);
}

void AttentionLayer::forward(Context& ctx, const Operand& x, std::int64_t length, std::span<const AttentionAdapters* const> adapters,
                             AttentionActivations& saved, View<float, 2> y, const Past& past) const {
  const std::int64_t n = x.rows(), width = shape_.width, kv = shape_.kv_width();
  linear(ctx, x, *q_, 0.0f, saved.q.view(n, width));
  linear(ctx, x, *k_, 0.0f, saved.k.view(n, kv));
  linear(ctx, x, *v_, 0.0f, saved.v.view(n, kv));
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->q.rank();
    adapters[g]->q.forward(ctx, x, saved.low[g].q.view(n, rank), saved.q.view(n, width));
    adapters[g]->k.forward(ctx, x, saved.low[g].k.view(n, rank), saved.k.view(n, kv));
    adapters[g]->v.forward(ctx, x, saved.low[g].v.view(n, rank), saved.v.view(n, kv));
  }
  add_bias(ctx, q_bias_, saved.q.view(n, width));
  add_bias(ctx, k_bias_, saved.k.view(n, kv));
  add_bias(ctx, v_bias_, saved.v.view(n, kv));
  attend(ctx, length, saved, past);
  linear(ctx, saved.attended.view(n, width), *o_, 1.0f, y);
  for (std::size_t g = 0; g < adapters.size(); ++g)
    if (adapters[g] != nullptr)
      adapters[g]->o.forward(ctx, saved.attended.view(n, width), saved.low[g].o.view(n, adapters[g]->o.rank()), y);
  add_bias(ctx, o_bias_, y);
}

void AttentionLayer::attend(Context& ctx, std::int64_t length, AttentionActivations& saved, const Past& past) const {
  const std::int64_t d = shape_.head_width(), kv = shape_.kv_width(), b = saved.k.size() / kv / length;
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
  const std::int64_t n = x.rows(), b = n / length, d = shape_.head_width(), width = shape_.width, kv = shape_.kv_width();
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
  add_bias_gradient(ctx, work.q.view(n, width), q_bias_);
  add_bias_gradient(ctx, work.k.view(n, kv), k_bias_);
  add_bias_gradient(ctx, work.v.view(n, kv), v_bias_);
  linear_backward(ctx, x, work.q.view(n, width), *q_, 1.0f, dx);
  linear_backward(ctx, x, work.k.view(n, kv), *k_, 1.0f, dx);
  linear_backward(ctx, x, work.v.view(n, kv), *v_, 1.0f, dx);
  for (std::size_t g = 0; g < adapters.size(); ++g) {
    if (adapters[g] == nullptr) continue;
    const std::int64_t rank = adapters[g]->q.rank();
    adapters[g]->q.backward(ctx, x, saved.low[g].q.view(n, rank), work.q.view(n, width), work.low[g].q.view(n, rank), dx);
    adapters[g]->k.backward(ctx, x, saved.low[g].k.view(n, rank), work.k.view(n, kv), work.low[g].k.view(n, rank), dx);
    adapters[g]->v.backward(ctx, x, saved.low[g].v.view(n, rank), work.v.view(n, kv), work.low[g].v.view(n, rank), dx);
  }
}

}  // namespace peer::layers
