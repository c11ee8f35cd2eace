#include "peer/model/model_cost.h"

namespace peer::model {
namespace {

struct PeerCost {
  std::int64_t dense, experts, retrieved, score_flops;
};

PeerCost peer_cost(std::int64_t width, std::int64_t side, std::int64_t heads, std::int64_t top_k, std::int64_t d_key, bool shared,
                   QueryNormKind norm) {
  const std::int64_t queries = heads * d_key, sets = shared ? 1 : heads;
  const std::int64_t norm_parameters = norm == QueryNormKind::kNone    ? 0
                                       : norm == QueryNormKind::kRms   ? queries
                                       : norm == QueryNormKind::kLayer ? 2 * queries
                                                                       : 4 * queries;
  return {queries * width + sets * side * d_key + norm_parameters, side * side, heads * top_k, 2 * heads * side * d_key};
}

void add_peer(ModelCost& cost, std::int64_t width, const PeerCost& peer, std::int64_t query_parameters) {
  cost.dense_parameters += peer.dense;
  cost.experts += peer.experts;
  cost.expert_parameters += peer.experts * 2 * width;
  cost.active_parameters += peer.retrieved * 2 * width;
  cost.forward_flops += 2 * query_parameters + peer.score_flops + 4 * peer.retrieved * width;
}

// Numbers of the biases of attention and of its norms.
std::int64_t attention_vectors(const ModelOptions& o) {
  return (o.attention_bias == layers::AttentionBias::kNone ? 0 : o.query_width() + 2 * o.kv_width()) +
         (o.attention_bias == layers::AttentionBias::kQkvo ? o.width : 0) +
         (o.query_key_norm == layers::QueryKeyNorm::kNone ? 0 : 2 * o.numbers_of_head());
}

void finish(ModelCost& cost, Element rows) {
  cost.active_parameters += cost.dense_parameters;
  cost.bytes = 4 * cost.dense_parameters + bytes_of(rows) * cost.expert_parameters;
  cost.training_bytes = 16 * cost.dense_parameters + (bytes_of(rows) + 8) * cost.expert_parameters;  // rows need no gradient of their own
}

}  // namespace

ModelCost operator-(const ModelCost& a, const ModelCost& b) {
  return {a.dense_parameters - b.dense_parameters,   a.experts - b.experts,
          a.expert_parameters - b.expert_parameters, a.active_parameters - b.active_parameters,
          a.forward_flops - b.forward_flops,         a.bytes - b.bytes,
          a.training_bytes - b.training_bytes};
}

ModelCost cost_of(const ModelOptions& o) {
  ModelCost cost;
  const std::int64_t d = o.width, attention = 2 * d * (o.query_width() + o.kv_width());
  for (std::int64_t layer = 0; layer < o.layers; ++layer) {
    const std::int64_t feed_forward = 3 * d * o.feed_forward_of(layer);
    cost.dense_parameters += attention + attention_vectors(o) + feed_forward + 2 * d;
    cost.forward_flops += 2 * (attention + feed_forward) + 2 * o.query_width() * o.context;  // causal scores and values: half of 4 Hq d T
    if (o.has_peer(layer))
      add_peer(cost, d, peer_cost(d, o.peer_side, o.peer.heads, o.peer.top_k, o.peer.d_key, o.peer.shared_sub_keys, o.peer.query_norm),
               d * o.peer.heads * o.peer.d_key);
  }
  cost.dense_parameters += (o.tied_embeddings ? 1 : 2) * o.vocabulary * d + d;
  cost.forward_flops += 2 * o.vocabulary * d;
  finish(cost, o.peer.rows);
  return cost;
}

ModelCost cost_of(const ModelOptions& o, const DeltaOptions& delta) {
  ModelCost cost;
  const std::int64_t d = o.width;
  for (std::int64_t layer = delta.first_layer; layer < o.layers; ++layer) {
    const std::int64_t hidden = o.feed_forward_of(layer), on_feed_forward = hidden > 0 ? delta.feed_forward_rank * 3 * (d + hidden) : 0;
    const std::int64_t dense =
        delta.adapter_rank * (4 * d + 2 * o.query_width() + 2 * o.kv_width()) + on_feed_forward + 3 * d * delta.dense_hidden;
    cost.dense_parameters += dense;
    cost.forward_flops += 2 * dense;
    if (delta.has_annex(layer))
      add_peer(cost, d,
               peer_cost(d, delta.annex_side, delta.annex_heads, delta.annex_top_k, delta.annex_d_key, o.peer.shared_sub_keys,
                         o.peer.query_norm),
               d * delta.annex_heads * delta.annex_d_key);
  }
  const std::int64_t rank = delta.vocabulary_rank, end = rank == 0 ? o.vocabulary * d : rank * (o.vocabulary + d);  // of the two alike
  cost.dense_parameters += (delta.changes_embedding() ? 2 : 1) * end;
  cost.forward_flops += 2 * end + (delta.changes_embedding() ? 2 * rank * d : 0);  // a row of a table is looked up
  finish(cost, o.peer.rows);
  return cost;
}

}  // namespace peer::model
