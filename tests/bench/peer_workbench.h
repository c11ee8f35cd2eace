// One PEER block at a benchmark's shape, with the inputs and buffers of a training step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "peer/device/repeated_work.h"
#include "peer/layers/parameter.h"
#include "peer/layers/peer_block.h"

namespace peer::bench {

struct PeerShape {
  std::int64_t side = 1024;   // n; E = n * n
  std::int64_t tokens = 512;  // T
  std::int64_t width = 256;   // D
  std::int64_t heads = 8, top_k = 16, d_key = 256;
  Element rows = Element::kFloat32;

  std::int64_t experts() const { return side * side; }
  std::int64_t picks() const { return heads * top_k; }  // R
  // FLOPs a token: the query map, the scores of both halves.
  double query_flops() const { return 2.0 * static_cast<double>(width * heads * d_key); }
  double score_flops() const { return 2.0 * static_cast<double>(heads * side * d_key); }
};

std::string name_of(const PeerShape& shape);

class PeerWorkbench {
 public:
  PeerWorkbench(Context& ctx, const PeerShape& shape, bool trainable);
  // Of frozen experts whose records lie in `mapped`, one after the other.
  PeerWorkbench(Context& ctx, const PeerShape& shape, const std::byte* mapped);

  void forward();  // statistics of the query norm are frozen
  void mix();      // of what the last forward picked: the experts alone
  void step() { step(ctx_); }
  void step(Context& ctx);  // forward, backward, AdamW of the touched rows, AdamW of the router

  void record_anew() { repeated_ = {}; }  // when experts were frozen, or placed elsewhere
  void extend(std::int64_t side);         // a larger grid, of which open_all() opens what is new
  void open_all();

  const PeerShape& shape() const { return shape_; }
  layers::PeerBlock& block() { return block_; }
  layers::PeerActivations& saved() { return saved_; }
  // The experts of the last forward, token by token; and each of them once, in the order of first use.
  View<const std::int64_t, 1> picked() const { return {saved_.id.data(), saved_.id.size()}; }
  std::vector<std::int64_t> different() const;
  std::int64_t router_numbers() const { return parameters_.count(); }

 private:
  struct Bare {};
  PeerWorkbench(Context& ctx, const PeerShape& shape, bool trainable, Bare);
  void fill_experts();
  void compute(Context& ctx);
  View<float, 2> matrix(Buffer<float>& b) { return b.view(shape_.tokens, shape_.width); }

  Context& ctx_;
  PeerShape shape_;
  layers::Parameters parameters_;
  layers::PeerBlock block_;
  layers::PeerActivations saved_;
  layers::PeerWorkspace work_;
  Buffer<float> x_, y_, dy_, dx_;
  ops::StepState now_{.step = 0};
  Buffer<ops::StepState> now_there_;  // (1)  on the device
  RepeatedWork repeated_;
};

}  // namespace peer::bench
