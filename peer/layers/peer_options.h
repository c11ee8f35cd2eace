#pragma once

#include <cstdint>

#include "peer/base/element.h"
#include "peer/base/options.h"
#include "peer/ops/activation.h"
#include "peer/ops/query_norm.h"
#include "peer/ops/router_gate.h"

namespace peer {
template <>
struct EnumNames<Element> {
  using enum Element;
  static constexpr std::pair<Element, std::string_view> values[] = {{kFloat32, "fp32"}, {kBfloat16, "bf16"}};
};
}  // namespace peer

namespace peer::layers {

// The shape of one product-key block. Stored with the block: a block keeps its shape for life, but for the grid's side.
struct PeerOptions {
  std::int64_t heads = 4;       // H
  std::int64_t top_k = 8;       // K, retrieved a head
  std::int64_t d_key = 64;      // query numbers a head; half meets the row sub-keys, half the column sub-keys
  bool shared_sub_keys = true;  // S: one set for all heads, or one a head
  GateKind gate = GateKind::kSoftmax;
  ActivationKind activation = ActivationKind::kGelu;
  QueryNormKind query_norm = QueryNormKind::kBatch;
  Element rows = Element::kFloat32;  // of the experts' down and up rows

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.heads, OptionInfo{"peer-heads", "H, retrieval heads of a PEER layer"});
    visit(self.top_k, OptionInfo{"peer-top-k", "K, experts retrieved by a head"});
    visit(self.d_key, OptionInfo{"peer-d-key", "width of a head's query; even"});
    visit(self.shared_sub_keys, OptionInfo{"peer-shared-sub-keys", "heads share one set of sub-keys (He 2024); false: one set a head"});
    visit(self.gate, OptionInfo{"peer-gate", "router weights: softmax over the retrieved, or sigmoid / relu of each score"});
    visit(self.activation, OptionInfo{"peer-activation", "the one-neuron experts' activation: gelu or relu"});
    visit(self.query_norm,
          OptionInfo{"peer-query-norm", "norm of the queries: batch (statistics frozen after training), layer, rms, none"});
    visit(self.rows, OptionInfo{"peer-rows",
                                "numbers of the experts' rows, in memory and in the pool: fp32, or bf16 at half the size (updates are "
                                "rounded stochastically; sums and the optimizer's state stay fp32)"});
  }
};

}  // namespace peer::layers
