#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "streams/tokenizer/bpe_model.h"
#include "streams/tokenizer/json_place.h"
#include "streams/tokenizer/text_steps.h"

namespace peer::streams {

// UsageError for a model that is no plain byte-pair encoding.
void refuse_other_models(const JsonPlace& model);

// The field `model` of a tokenizer.json, whose vocabulary has been checked. `marks`: the tokens that no text becomes.
BpeRules read_bpe_rules(const JsonPlace& model, bool byte_level, const std::set<std::int32_t>& marks);

// The bytes that a token of this name stands for.
std::string text_of_name(const std::string& name, const TextSteps& steps, const BpeRules& rules);

}  // namespace peer::streams
