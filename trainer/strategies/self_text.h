// Text that a view of the model writes by itself: what it still knows of domains whose corpora are gone.
#pragma once

#include <cstdint>
#include <vector>

#include "streams/document.h"
#include "trainer/state/language_model.h"

namespace peer::trainer {

// About `bytes` of documents, none empty, drawn from the view at temperature 1: as many tokens where tokens are bytes, a third as many
// elsewhere. The same for the same weights and seed. A model may write what is no valid UTF-8: the documents are for training, not for
// people. UsageError when it writes nothing but ends of documents.
std::vector<streams::Document> write_self_text(Context& ctx, LanguageModel language, int view, std::int64_t bytes, std::uint64_t seed);

}  // namespace peer::trainer
