// One product-key block of a PEER layer: query -> norm -> exact top-K of the grid -> gate -> expert mix.     (He 2024)
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "peer/base/ids.h"
#include "peer/layers/cold_rows.h"
#include "peer/layers/expert_staging.h"
#include "peer/layers/expert_table.h"
#include "peer/layers/linear.h"
#include "peer/layers/peer_options.h"
#include "peer/layers/row_gradients.h"

namespace peer::layers {

// What the forward keeps for the backward; sized for N tokens and R = H*K picks a token.
struct PeerActivations {
  PeerActivations() = default;
  PeerActivations(Device device, std::int64_t tokens, const PeerOptions& options);
  Buffer<float> query, normed;  // (N, H, d_key)
  ops::Statistics statistics = ops::Statistics::kFrozen;
  Buffer<float> mean, inverse_std;    // of the query norm
  Buffer<std::int32_t> row, column;   // (N, H, K)
  Buffer<float> score, gate, hidden;  // (N, H, K)
  Buffer<std::int64_t> id;            // (N, R)  local numbers
};

// Memory of the backward, shared by all blocks.
struct PeerWorkspace {
  PeerWorkspace() = default;
  PeerWorkspace(Device device, std::int64_t tokens, std::int64_t picks, std::int64_t query_width, std::int64_t width);
  Buffer<float> dgate, dhidden, up_weight, dscore;  // (N, R)
  Buffer<float> dnormed, dquery;                    // (N, H*d_key)
  Buffer<std::int32_t> order, begin;                // (N*R), (N*R + 1)
  Buffer<std::int64_t> expert;                      // (N*R)
  Buffer<float> gradient;                           // (kSegmentChunk, 2D)
  static constexpr std::int64_t kSegmentChunk = 1024;
};

class PeerBlock {
 public:
  // up_deviation 0 makes an annex: up rows zero, so the block changes nothing until it is trained.
  PeerBlock(Parameters& parameters, const std::string& prefix, BlockId id, const PeerOptions& options, std::int64_t width,
            std::int64_t side, std::int64_t rows_per_page, std::uint64_t seed);

  BlockId id() const { return id_; }
  const PeerOptions& options() const { return options_; }
  ExpertTable& experts() { return experts_; }
  const ExpertTable& experts() const { return experts_; }
  ExpertStaging& staging() { return staging_; }
  std::int64_t side() const { return rows_->shape[1]; }  // n
  std::int64_t open() const { return open_; }            // sub-keys a half that compete; the rest is dormant
  std::int64_t picks() const { return options_.heads * options_.top_k; }
  std::int64_t query_width() const { return options_.heads * options_.d_key; }

  // Fills the table with n*n fresh experts: down ~ N(0, 1/D), up ~ N(0, up_deviation^2). Without it, pages are appended by a reader.
  void create_experts(double up_deviation, bool trainable, std::uint64_t seed);
  // Enlarges the grid to side x side by whole shells: fresh sub-keys and experts (up = 0), dormant until open_all(), so that no
  // retrieval changes. No old expert is renamed or moved. On a CPU the new rows are drawn while the caller goes on, from the first training
  // forward on before each of those, and in turn with those of other blocks.
  void extend(Parameters& parameters, std::int64_t side, bool trainable, std::uint64_t seed, std::shared_ptr<DrawingTurn> turn = {});
  void open_all() { set_open(side()); }
  // Waits for rows that are still being drawn.
  void set_open(std::int64_t open) {
    experts_.wait_until_drawn();
    open_ = open;
  }

  // Other starts than the drawn ones. Both need a block that is not trained yet, and change no output while its up rows are zero.
  // Takes over the router of `from`, of the same d_key and kind: as many heads of the query map and its norm, and as many sub-keys, as
  // both have. The rest stays as it was drawn.
  void clone_router(const PeerBlock& from);
  // Moves the sub-keys to the centroids of the query halves that the block's own forward left in `seen`: of the same expected length as
  // the drawn ones, 1, and pointing to where queries lie.
  void centre_sub_keys(Context& ctx, const PeerActivations& seen, std::uint64_t seed);

  // Batch-norm statistics: kBatch while the block's queries are still learnt, kFrozen for ever after.
  ops::Statistics statistics() const { return statistics_; }
  void set_statistics(ops::Statistics statistics) { statistics_ = statistics; }
  float statistics_momentum() const { return momentum_; }
  void set_statistics_momentum(float momentum) { momentum_ = momentum; }

  // x (N, D); y (N, D) added. training: batch statistics may move (only while statistics() is kBatch).
  void forward(Context& ctx, const Operand& x, PeerActivations& saved, View<float, 2> y, bool training);
  // dy (N, D); dx (N, D) added. Row gradients go to `rows` when the block's experts are trainable.
  void backward(Context& ctx, const Operand& x, PeerActivations& saved, View<const float, 2> dy, PeerWorkspace& work, View<float, 2> dx,
                const RowGradients& rows);

 private:
  // Appends experts until the grid is full. Returns the first, and what draws a row of it.
  struct NewExperts {
    std::int64_t first;
    ExpertTable::Fill draw;
  };
  NewExperts append_experts(double up_deviation, bool trainable, std::uint64_t seed);
  void router_backward(Context& ctx, const Operand& x, PeerActivations& saved, PeerWorkspace& work, View<float, 2> dx);
  // The segments of a batch's row_order. Those before `lone` are picked once, by rising slot, and go with their tokens.
  struct Segments {
    std::int64_t lone = 0, touched = 0;
  };
  Segments sort_picks(Context& ctx, PeerActivations& saved, PeerWorkspace& work, std::int64_t tokens);
  void mix_backward(Context& ctx, const ops::ExpertRows& rows, PeerActivations& saved, View<const float, 2> dy, PeerWorkspace& work,
                    View<float, 2> dx, std::int64_t first, std::int64_t tokens);
  void expert_sweep(Context& ctx, View<const float, 2> x, PeerActivations& saved, View<const float, 2> dy, PeerWorkspace& work,
                    View<float, 2> dx, Segments segments, const RowGradients& rows);
  void row_gradients(Context& ctx, View<const float, 2> x, View<const float, 2> dy, PeerWorkspace& work, Segments segments,
                     std::int64_t first, std::int64_t end, const RowGradients& rows);
  View<const float, 3> keys(const Parameter& p) const { return {p.value().data(), p.shape[0], p.shape[1], p.shape[2]}; }

  BlockId id_;
  PeerOptions options_;
  std::string prefix_;
  ExpertTable experts_;
  ColdRows cold_rows_;
  ExpertStaging staging_;
  std::int64_t open_;
  ops::Statistics statistics_ = ops::Statistics::kBatch;
  float momentum_ = 0.1f;
  Parameter *query_, *rows_, *columns_;                              // rows_, columns_: sub-keys (S, n, d_key/2)
  Parameter *norm_weight_ = nullptr, *norm_bias_ = nullptr;          // as the kind of norm needs
  Parameter *running_mean_ = nullptr, *running_variance_ = nullptr;  // batch norm
};

}  // namespace peer::layers
