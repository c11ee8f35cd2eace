#pragma once

#include "peer/model/model.h"
#include "streams/tokenizer/tokenizer.h"

namespace peer::trainer {

// A model and the tokens that it reads and writes text in. Borrows both.
struct LanguageModel {
  model::Model& model;
  const streams::Tokenizer& tokenizer;
};

}  // namespace peer::trainer
