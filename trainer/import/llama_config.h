// config.json of a folder as transformers writes it, to the options of a model with the same arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "peer/model/model_options.h"

namespace peer::trainer {

struct LlamaConfig {
  model::ModelOptions model;               // no PEER layer: experts come with the views
  std::int64_t positions = 0;              // for which it was trained: the longest context
  std::vector<std::int64_t> end_ids = {};  // eos_token_id
};

// `context` 0: as many tokens as the model has positions, at most kLongestImportedContext. CorruptError naming `where` when the text is no
// configuration, UsageError when it describes what the model cannot compute.
inline constexpr std::int64_t kLongestImportedContext = 512;
LlamaConfig parse_llama_config(std::string_view json, std::int64_t context, const std::string& where);

}  // namespace peer::trainer
