#pragma once

#include "streams/tokenizer/byte_tokenizer.h"
#include "trainer/state/language_model.h"

namespace peer::trainer {

inline const streams::ByteTokenizer kBytes;

// A bare model, as one that reads bytes.
inline LanguageModel byte_model(model::Model& model) { return {model, kBytes}; }

}  // namespace peer::trainer
