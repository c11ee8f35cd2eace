#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/base/options.h"
#include "peer/device/device.h"
#include "peer/layers/attention_bias.h"
#include "peer/layers/peer_options.h"
#include "peer/layers/query_key_norm.h"
#include "peer/ops/rotary_scaling.h"

namespace peer::model {

// How the product sub-keys of a new annex start.
enum class SubKeys { kRandom, kCentroids, kClones };

}  // namespace peer::model

namespace peer {
template <>
struct EnumNames<model::SubKeys> {
  using enum model::SubKeys;
  static constexpr std::pair<model::SubKeys, std::string_view> values[] = {
      {kRandom, "random"}, {kCentroids, "centroids"}, {kClones, "clones"}};
};
}  // namespace peer

namespace peer::model {

// The base model's shape. Fixed when a pool is made; stored in every generation.
struct ModelOptions {
  std::int64_t vocabulary = 257;  // V: bytes and the end of a document
  std::int64_t width = 128;       // D
  std::int64_t layers = 4;
  std::int64_t heads = 4;       // Hq
  std::int64_t kv_heads = 4;    // Hkv
  std::int64_t head_width = 0;  // 0: width / heads
  std::int64_t feed_forward = 384;
  std::int64_t context = 128;  // T, tokens of a window
  double rope_theta = 10000;
  ops::RotaryScaling rope_scaling = {};
  double norm_epsilon = 1e-5;
  layers::AttentionBias attention_bias = layers::AttentionBias::kNone;
  layers::QueryKeyNorm query_key_norm = layers::QueryKeyNorm::kNone;
  bool tied_embeddings = false;
  std::vector<std::int64_t> peer_layers = {1, 2};
  bool peer_beside = true;
  std::int64_t peer_side = 48;  // n
  std::int64_t page_experts = 256;
  layers::PeerOptions peer;

  std::int64_t numbers_of_head() const { return head_width > 0 ? head_width : width / heads; }  // d
  std::int64_t query_width() const { return heads * numbers_of_head(); }
  std::int64_t kv_width() const { return kv_heads * numbers_of_head(); }
  bool has_peer(std::int64_t layer) const;
  std::int64_t feed_forward_of(std::int64_t layer) const;  // 0 where a PEER layer stands in its place

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.vocabulary, OptionInfo{"vocabulary", "V, tokens of the tokenizer"});
    visit(self.width, OptionInfo{"width", "D, model width; a multiple of heads unless head-width is given"});
    visit(self.layers, OptionInfo{"layers", "transformer blocks"});
    visit(self.heads, OptionInfo{"heads", "attention heads"});
    visit(self.kv_heads, OptionInfo{"kv-heads", "key and value heads; divides heads (grouped-query attention)"});
    visit(self.head_width, OptionInfo{"head-width", "d, numbers of an attention head, even; 0: width / heads"});
    visit(self.feed_forward, OptionInfo{"feed-forward", "hidden width of the SwiGLU feed-forward"});
    visit(self.context, OptionInfo{"context", "T, tokens of a training window", "tokens"});
    visit(self.rope_theta, OptionInfo{"rope-theta", "base of the rotary angles; larger for long contexts"});
    visit(self.rope_scaling.factor,
          OptionInfo{"rope-factor",
                     "divides the frequencies of the rotary angles, for longer contexts than the model was trained on; 1: none"});
    visit(
        self.rope_scaling.original_context,
        OptionInfo{"rope-original-context",
                   "context that the model was trained on before its frequencies were scaled (original_max_position_embeddings): the high "
                   "ones are kept, as in Llama 3.1; 0: rope-factor divides all of them (linear)",
                   "tokens"});
    visit(self.rope_scaling.low_frequency,
          OptionInfo{"rope-low-frequency", "turns within rope-original-context below which rope-factor divides in full (low_freq_factor)"});
    visit(self.rope_scaling.high_frequency,
          OptionInfo{"rope-high-frequency", "turns within rope-original-context above which a frequency is kept (high_freq_factor)"});
    visit(self.norm_epsilon, OptionInfo{"norm-epsilon", "epsilon of the RMS norms"});
    visit(self.attention_bias,
          OptionInfo{"attention-bias", "biases of the attention maps: none; qkv: of query, key and value (Qwen2); qkvo"});
    visit(self.query_key_norm,
          OptionInfo{"query-key-norm", "norms of each attention head's query and key, before they are rotated: none; rms (Qwen3)"});
    visit(self.tied_embeddings, OptionInfo{"tied-embeddings", "one table is embedding and head (tie_word_embeddings)"});
    visit(self.peer_layers, OptionInfo{"peer-layers", "blocks with a PEER layer, counted from 0; the middle is best"});
    visit(self.peer_beside, OptionInfo{"peer-beside", "PEER layers stand beside the feed-forward; false: they replace it"});
    visit(self.peer_side, OptionInfo{"peer-side", "n, sub-keys a half of a PEER layer: n*n experts"});
    visit(self.page_experts,
          OptionInfo{"page-experts", "experts of a page (a power of two): the grain of files, freezing and sharing", "experts"});
    layers::PeerOptions::fields(self.peer, visit);
  }
};

// What one stage adds to every layer. Zero at the start: growth changes no logit.
struct DeltaOptions {
  std::int64_t annex_side = 16;  // n of a layer's annex; 0: no annex
  std::int64_t annex_heads = 4;
  std::int64_t annex_top_k = 8;
  std::int64_t annex_d_key = 64;
  std::int64_t dense_hidden = 256;              // 0: no dense block
  std::int64_t adapter_rank = 16;               // of the attention maps; 0: no adapters there
  std::int64_t feed_forward_rank = 0;           // of the base's feed-forward maps; 0: no adapters there
  std::int64_t vocabulary_rank = 0;             // of the changes of embedding and head; 0: full tables
  double residual_scale = 1;                    // above 0
  std::vector<std::int64_t> annex_layers = {};  // empty: all
  std::int64_t first_layer = 0;                 // the lowest block that changes; 0: the embedding too
  SubKeys annex_sub_keys = SubKeys::kRandom;

  bool has_annex(std::int64_t layer) const;
  bool changes_embedding() const { return first_layer == 0; }
  std::int64_t annexes(std::int64_t layers) const;  // of a model of so many layers

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.annex_side,
          OptionInfo{"annex-side", "sub-keys a half of a layer's annex (n*n experts); --experts sets it for you; 0: none"});
    visit(self.annex_heads, OptionInfo{"annex-heads", "retrieval heads of an annex"});
    visit(self.annex_top_k, OptionInfo{"annex-top-k", "experts retrieved by a head of an annex"});
    visit(self.annex_d_key, OptionInfo{"annex-d-key", "width of an annex head's query; even"});
    visit(self.dense_hidden, OptionInfo{"dense-hidden", "hidden width of the small dense block beside each annex; 0: none"});
    visit(self.adapter_rank, OptionInfo{"adapter-rank", "rank of the adapters on the attention maps; 0: none"});
    visit(self.feed_forward_rank, OptionInfo{"feed-forward-rank", "rank of the adapters on the base's feed-forward maps; 0: none"});
    visit(self.vocabulary_rank, OptionInfo{"vocabulary-rank", "rank of the changes of embedding and head; 0: full tables"});
    visit(self.residual_scale, OptionInfo{"residual-scale", "factor on what annex and dense block add to the residual stream; above 0"});
    visit(self.annex_layers, OptionInfo{"annex-layers", "blocks that get an annex, counted from 0; empty: all"});
    visit(self.first_layer, OptionInfo{"first-layer",
                                       "lowest block that the stage changes; what lies below is the parent's and computed once for all "
                                       "views; 0: all blocks and the embedding"});
    visit(self.annex_sub_keys,
          OptionInfo{"annex-sub-keys",
                     "how an annex's sub-keys start: drawn at random; at the centroids of its queries in the first batch of the new "
                     "text; or as clones of those of the nearest PEER layer or annex below, with their query map and norm, which takes "
                     "the same annex-d-key"});
  }
};

// UsageError with the rule that does not hold.
void check(const ModelOptions& options);
void check(const ModelOptions& options, Device device);  // that the device has room for a head
void check(const DeltaOptions& options, const ModelOptions& model);

}  // namespace peer::model
