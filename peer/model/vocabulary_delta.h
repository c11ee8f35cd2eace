#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "peer/layers/low_rank_adapter.h"
#include "peer/model/model_options.h"

namespace peer::model {

// What a vocabulary delta keeps for its backward, and works with there; sized for N tokens, empty with full tables.
struct VocabularyActivations {
  Buffer<float> embedded, projected;  // (N, r)  e[b], A normed
  Buffer<float> dlow;                 // (N, r)  with keep
};

// What one view changes at both ends of the model, which have a row for each of V tokens:
//   full tables (rank 0):   x += dE[b];    logits += dH normed       dE, dH (V, D) = 0 at the start
//   of low rank r:          x += P e[b];   logits += B (A normed)    e, B (V, r) = 0 at the start, P (D, r) ~ N(0, 1/r), A (r, D) ~ N(0,
//   1/D)
// Of the embedding it is the table that starts at zero: a token that is in no text of the stage keeps its parent's vector, as with a full
// table. Were P zero and e drawn, the first update would move every token at random. With P's deviation an update of AdamW moves a number
// of x as far as one of dE does.
class VocabularyDelta {
 public:
  // `view`: its name, "v1". dE, or P and e, only where options.changes_embedding().
  VocabularyDelta(layers::Parameters& parameters, const std::string& view, const ModelOptions& model, const DeltaOptions& options,
                  std::uint64_t seed);

  bool changes_embedding() const { return embedding_ != nullptr; }
  VocabularyActivations activations(Device device, std::int64_t tokens, bool keep) const;

  // token (N); x (N, D) added.
  void embed(Context& ctx, View<const std::int32_t, 1> token, VocabularyActivations& saved, View<float, 2> x) const;
  void embed_backward(Context& ctx, View<const std::int32_t, 1> token, View<const float, 2> dx, VocabularyActivations& saved) const;
  // normed (N, D); logits (N, V) added.
  void predict(Context& ctx, const Operand& normed, VocabularyActivations& saved, View<float, 2> logits) const;
  // dnormed (N, D) added.
  void predict_backward(Context& ctx, const Operand& normed, View<const float, 2> dlogits, VocabularyActivations& saved,
                        View<float, 2> dnormed) const;

 private:
  std::int64_t rank_;
  layers::Parameter* embedding_ = nullptr;         // (V, D)  dE, or (V, r)  e
  layers::Parameter* embedding_map_ = nullptr;     // (D, r)  P
  layers::Parameter* head_ = nullptr;              // (V, D)  dH
  std::optional<layers::LowRankAdapter> adapter_;  // A and B
};

}  // namespace peer::model
