// A model that was trained elsewhere becomes the base of a pool: `stream` then grows views on it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "peer/base/progress.h"
#include "trainer/import/import_tokenizer.h"
#include "trainer/import/known_domain.h"
#include "trainer/import/llama_config.h"
#include "trainer/import/tensor_folder.h"
#include "trainer/state/session.h"

namespace peer::trainer {

struct ImportOptions {
  std::string model = {};
  std::string name = {};
  std::int64_t context = 0;
  std::string document_token = {};
  streams::Marks marks = streams::Marks::kText;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.model, OptionInfo{"model", "the folder with config.json, model.safetensors (or its shards) and tokenizer.json", "FOLDER"});
    visit(self.name, OptionInfo{"name", "what the base is called in tables; empty: the folder's name", "NAME"});
    visit(self.context, OptionInfo{"context", "T, tokens of a window; 0: as many as the model has positions, at most 512", "tokens"});
    visit(self.document_token, OptionInfo{"document-token",
                                          "the added token of tokenizer.json that marks where a document ends; empty: <|endoftext|>, "
                                          "<|end_of_text|> or the folder's own end of text, the first that is there",
                                          "TEXT"});
    visit(self.marks, OptionInfo{"marks",
                                 "what a text that spells a special token of tokenizer.json (<|im_start|>) is read as: the characters that "
                                 "it is; or that token, as texts of chats mean it"});
  }
};

// What a folder holds, checked, but for the numbers.
struct ModelFolder {
  // UsageError for a model that cannot be computed here, CorruptError for files that do not agree.
  explicit ModelFolder(const ImportOptions& options);

  std::string name;
  LlamaConfig config;
  ImportedTokenizer tokenizer;
  TensorFolder tensors;
};

// What a view adds to a base of this width: as in the widest preset that is not wider.
model::DeltaOptions delta_for_width(std::int64_t width);

struct ImportOutcome {
  pool::CommitReport commit;
  double bits_per_byte = kMissing;  // of the known domain
};

// Makes a pool of it, one generation and with `known` a second. `shape` is the folder's, but for what is free to choose. Nothing is left
// behind when it fails: UsageError when there is something at `path` already or a tensor is not known, CorruptError when one is missing, of
// another shape or not finite, ScoringStopped once `stop` is set.
ImportOutcome import_model(const std::string& path, const ModelFolder& folder, const model::ModelOptions& shape,
                           const model::DeltaOptions& delta, const std::optional<KnownDomain>& known, std::uint64_t seed, Device device,
                           int threads, Progress& progress, const std::atomic<bool>& stop);

}  // namespace peer::trainer
