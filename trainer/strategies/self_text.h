// Text that a view of the model writes by itself: what it still knows of domains whose corpora are gone.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/model/model.h"
#include "streams/document.h"

namespace peer::trainer {

// At least `bytes` tokens of documents, none empty, drawn from the view at temperature 1. The same for the same weights and seed. A byte
// model may write what is no valid UTF-8: the documents are for training, not for people. UsageError when it writes nothing but ends of
// documents.
std::vector<streams::Document> write_self_text(Context& ctx, model::Model& model, int view, std::int64_t bytes, std::uint64_t seed);

}  // namespace peer::trainer
