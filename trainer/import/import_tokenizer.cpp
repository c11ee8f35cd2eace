#include "trainer/import/import_tokenizer.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/nearest_name.h"
#include "streams/tokenizer/tokenizer.h"
#include "trainer/import/folder_file.h"

namespace peer::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::int64_t kLongestTokenizer = 256 << 20, kLongestConfig = 16 << 20;

struct AddedToken {
  std::int64_t id = -1;
  std::string content;
};

std::vector<AddedToken> added_tokens(const Json& tokenizer, const std::string& path) {
  std::vector<AddedToken> tokens;
  const auto list = tokenizer.is_object() ? tokenizer.find("added_tokens") : tokenizer.end();
  if (!tokenizer.is_object() || list == tokenizer.end() || list->is_null()) return tokens;
  for (const Json& token : *list) {
    if (!token.is_object() || !token.contains("id") || !token["id"].is_number_integer() || !token.contains("content") ||
        !token["content"].is_string())
      throw CorruptError(path + ": added_tokens: expected objects with 'id' and 'content', found another value");
    tokens.push_back({token["id"].get<std::int64_t>(), token["content"].get<std::string>()});
  }
  return tokens;
}

// Text, or an object with its content.
std::string end_token_of(const std::string& path) {
  std::error_code none;
  if (!fs::exists(path, none)) return "";
  const Json config = read_folder_json(path, kLongestConfig);
  if (!config.is_object() || !config.contains("eos_token")) return "";
  const Json& token = config["eos_token"];
  if (token.is_string()) return token.get<std::string>();
  return token.is_object() && token.contains("content") && token["content"].is_string() ? token["content"].get<std::string>() : "";
}

std::string named_token(const std::vector<AddedToken>& tokens, const std::string& name) {
  std::vector<std::string> contents;
  for (const AddedToken& token : tokens) contents.push_back(token.content);
  if (std::ranges::find(contents, name) == contents.end())
    throw UsageError(fmt::format("option 'document-token': expected one of the {} added tokens of tokenizer.json, found '{}'{}",
                                 contents.size(), name, did_you_mean(name, contents)));
  return name;
}

std::string likely_token(const std::vector<AddedToken>& tokens, const std::string& folder, const std::vector<std::int64_t>& end_ids) {
  std::vector<std::string> candidates = {"<|endoftext|>", "<|end_of_text|>",
                                         end_token_of((fs::path(folder) / "tokenizer_config.json").string())};
  for (const std::int64_t id : end_ids)
    for (const AddedToken& token : tokens)
      if (token.id == id) candidates.push_back(token.content);
  for (const std::string& candidate : candidates)
    if (std::ranges::find(tokens, candidate, &AddedToken::content) != tokens.end()) return candidate;
  throw UsageError(folder + ": found no token that marks the end of a document; --document-token TEXT names one of tokenizer.json");
}

}  // namespace

ImportedTokenizer import_tokenizer(const std::string& folder, const std::string& named, const std::vector<std::int64_t>& end_ids,
                                   std::int64_t vocabulary, streams::Marks marks) {
  const std::string path = (fs::path(folder) / "tokenizer.json").string();
  std::error_code none;
  if (!fs::exists(path, none))
    throw UsageError(folder + ": expected tokenizer.json, found none; only byte-pair encoding as tokenizer.json holds it is supported");
  ImportedTokenizer imported;
  imported.json = read_folder_file(path, kLongestTokenizer);
  const auto tokens = added_tokens(parse_folder_json(imported.json, path), path);
  imported.end_of_document = named.empty() ? likely_token(tokens, folder, end_ids) : named_token(tokens, named);
  imported.marks = marks;
  imported.tokenizer = streams::bpe_tokenizer(imported.json, imported.end_of_document, path, marks);
  if (const std::int64_t found = imported.tokenizer->vocabulary(); found > vocabulary)
    throw CorruptError(fmt::format("{}: expected at most {} tokens, the model's vocabulary, found {}", path, vocabulary, found));
  return imported;
}

}  // namespace peer::trainer
