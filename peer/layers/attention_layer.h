#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "peer/layers/attention_bias.h"
#include "peer/layers/key_value_cache.h"
#include "peer/layers/low_rank_adapter.h"
#include "peer/layers/query_key_norm.h"
#include "peer/ops/rotary_scaling.h"

namespace peer::layers {

struct AttentionShape {
  std::int64_t width = 0;       // D
  std::int64_t heads = 0;       // Hq
  std::int64_t kv_heads = 0;    // Hkv
  std::int64_t head_width = 0;  // d
  double rope_theta = 10000;
  ops::RotaryScaling rope_scaling = {};
  AttentionBias bias = AttentionBias::kNone;
  QueryKeyNorm norm = QueryKeyNorm::kNone;
  double norm_epsilon = 1e-5;
  std::int64_t query_width() const { return heads * head_width; }
  std::int64_t kv_width() const { return kv_heads * head_width; }
};

// One view's changes of the four maps.
struct AttentionAdapters {
  LowRankAdapter q, k, v, o;
  AttentionAdapters(Parameters& parameters, const std::string& prefix, const AttentionShape& shape, std::int64_t rank, std::uint64_t seed);
  std::int64_t rank() const { return q.rank(); }
};

// What the forward keeps for the backward.
struct AttentionActivations {
  struct Low {
    Buffer<float> q, k, v, o;  // (N, rank)
    std::int64_t size() const { return q.size(); }
  };
  // What a norm of queries or keys is given. Empty where there is none.
  struct Unnormed {
    Buffer<float> x;            // (N, heads * d)
    Buffer<float> inverse_rms;  // (N, heads)
  };
  AttentionActivations() = default;
  AttentionActivations(Device device, std::int64_t batch, std::int64_t length, const AttentionShape& shape,
                       std::span<const std::int64_t> ranks);
  void make_room(std::int64_t tokens, std::span<const std::int64_t> ranks);  // of the adapters of each view on the path; 0: none
  // (N, heads * d): what the maps of queries and keys give, with their biases.
  View<float, 2> mapped_q(std::int64_t tokens) { return (unnormed_q.x.empty() ? q : unnormed_q.x).view(tokens, q.size() / tokens); }
  View<float, 2> mapped_k(std::int64_t tokens) { return (unnormed_k.x.empty() ? k : unnormed_k.x).view(tokens, k.size() / tokens); }
  Buffer<float> q, k, v;  // (B, T, heads, d)  after the rotation
  Unnormed unnormed_q, unnormed_k;
  Buffer<float> lse;       // (B, Hq, T)
  Buffer<float> attended;  // (N, Hq * d)
  std::vector<Low> low;    // by view on the path; empty where it has no adapters here
};

// Causal attention with rotary positions: y += o(attend(norm q x, norm k x, v x)), each map W + sum_g B_g A_g, plus its bias where it has
// one; the norms are of each head's numbers, where there are any.
class AttentionLayer {
 public:
  AttentionLayer(Parameters& parameters, const std::string& prefix, const AttentionShape& shape, double output_deviation,
                 std::uint64_t seed);

  const AttentionShape& shape() const { return shape_; }
  // x (N, D), N = B*T; y (N, D) added. `adapters` in path order (null: none), the same that `saved` was sized for. With a past no backward
  // may follow.
  void forward(Context& ctx, const Operand& x, std::int64_t length, std::span<const AttentionAdapters* const> adapters,
               AttentionActivations& saved, View<float, 2> y, const Past& past = {}) const;
  // dy (N, D); dx (N, D) added. `work` is workspace of the same sizes as `saved`.
  void backward(Context& ctx, const Operand& x, std::int64_t length, std::span<const AttentionAdapters* const> adapters,
                AttentionActivations& saved, View<const float, 2> dy, AttentionActivations& work, View<float, 2> dx) const;

 private:
  void attend(Context& ctx, std::int64_t length, AttentionActivations& saved, const Past& past) const;

  AttentionShape shape_;
  Parameter *q_, *k_, *v_, *o_;
  Parameter *q_bias_, *k_bias_, *v_bias_, *o_bias_;  // null where there is none
  Parameter *q_norm_, *k_norm_;                      // (d), null where there is none
};

}  // namespace peer::layers
