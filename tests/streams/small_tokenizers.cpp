#include "tests/streams/small_tokenizers.h"

#include <fmt/format.h>

#include "streams/tokenizer/byte_alphabet.h"

namespace peer::streams {
namespace {

using nlohmann::json;

json added_token(int id, const char* content, bool special) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", special}};
}

// Adds what each merge makes behind the tokens there are.
void add_merges(json& model, const std::vector<std::string>& merges) {
  for (const std::string& merge : merges) {
    std::string made = merge;
    made.erase(made.find(' '), 1);
    model["vocab"][made] = model["vocab"].size();
  }
  model["merges"] = merges;
}

}  // namespace

json byte_level_json() {
  json file = json::parse(R"({
    "normalizer": null, "post_processor": null, "truncation": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "", "end_of_word_suffix": "",
              "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": {}, "merges": []}})");
  for (int byte = 0; byte < 256; ++byte) file["model"]["vocab"][alphabet_character(static_cast<std::uint8_t>(byte))] = byte;
  add_merges(file["model"], {"Ġ t",  "h e", "Ġt he",  "i n", "a n",  "an d", "Ġ and", "in g", "l l", "' ll", "c a",
                             "ca f", "Ã ©", "caf Ã©", "1 2", "12 3", "Ġ Ġ",  "ĠĠ ĠĠ", "< |",  "e n", "en d"});
  file["added_tokens"] = {added_token(277, "<|endoftext|>", true), added_token(278, "<tool>", false), added_token(279, "<gap>", false)};
  for (const char* field : {"lstrip", "rstrip", "normalized"}) file["added_tokens"][2][field] = true;
  return file;
}

json sentencepiece_json() {
  json file = json::parse(R"({
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                       {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
    "pre_tokenizer": null,
    "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null, "end_of_word_suffix": null,
              "fuse_unk": true, "byte_fallback": true, "ignore_merges": false, "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2}}})");
  json& vocabulary = file["model"]["vocab"];
  for (int byte = 0; byte < 256; ++byte) vocabulary[fmt::format("<0x{:02X}>", byte)] = 3 + byte;
  for (const char* character : {"▁", "a", "b", "c", "d", "e", "h", "n", "t", "."}) vocabulary[character] = vocabulary.size();
  add_merges(file["model"], {"▁ t", "h e", "▁t he", "▁ a", "▁a n", "▁an d", "▁ ▁", "c a", "▁ ca"});
  file["added_tokens"] = {added_token(0, "<unk>", true), added_token(1, "<s>", true), added_token(2, "</s>", true)};
  return file;
}

}  // namespace peer::streams
