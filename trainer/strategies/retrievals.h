// Which experts batches retrieve: the counts of one batch, and for each expert the number of batches of old text that retrieved it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "peer/model/model.h"
#include "pool/pool.h"
#include "streams/document.h"
#include "trainer/state/language_model.h"

namespace peer::trainer {

// How often a batch retrieved each expert: by block, then expert. The batch's forward pass is in `saved`, which keeps its activations.
using RetrievalCounts = std::map<BlockId, std::map<std::int64_t, std::int64_t>>;
RetrievalCounts count_retrievals(model::Model& model, const model::Activations& saved);

class RetrievalBackground {
 public:
  void add(const RetrievalCounts& batch);
  void add(const RetrievalBackground& other);

  double batches() const { return batches_; }             // |B|
  double with(BlockId block, std::int64_t expert) const;  // batches that retrieved it; 0 for one that is younger

  std::vector<pool::TensorView> tensors() const;  // of a trunk file, and back
  static RetrievalBackground from(const std::map<std::string, pool::Tensor>& tensors, const std::string& where);

 private:
  float batches_ = 0;
  std::map<BlockId, std::vector<float>> with_;  // by expert; those beyond the end were never retrieved
};

// Of `batches` batches of the documents, as the view retrieves.
RetrievalBackground measure_background(Context& ctx, LanguageModel language, int view, const std::vector<streams::Document>& documents,
                                       std::int64_t rows, std::int64_t batches, std::uint64_t seed);

}  // namespace peer::trainer
