#include "streams/tokenizer/tokenizer_json.h"

#include "peer/base/error.h"
#include "peer/base/philox.h"
#include "tests/fuzz/tokenize_anything.h"
#include "tests/streams/small_tokenizers.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

using nlohmann::json;

// The error of a byte-level file in which the value at `pointer` is another one.
template <class Error>
std::string refusal(const std::string& pointer, const json& value, json file = byte_level_json()) {
  file[json::json_pointer(pointer)] = value;
  try {
    tokenizer_of(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string unsupported(const std::string& pointer, const json& value) { return refusal<UsageError>(pointer, value); }
std::string damaged(const std::string& pointer, const json& value) { return refusal<CorruptError>(pointer, value); }

}  // namespace

TEST_CASE("a step or a model that is not supported is refused with its place") {
  CHECK(unsupported("/model/type", "Unigram") == "tokenizer.json: model.type: 'Unigram' is not supported, expected the model 'BPE'");
  CHECK(unsupported("/model/dropout", 0.1) ==
        "tokenizer.json: model.dropout: 0.1 is not supported, expected null: the same text becomes the same tokens");
  CHECK(unsupported("/model/end_of_word_suffix", "</w>") ==
        "tokenizer.json: model.end_of_word_suffix: '</w>' is not supported, expected an empty text");
  CHECK(unsupported("/model/continuing_subword_prefix", "##") ==
        "tokenizer.json: model.continuing_subword_prefix: '##' is not supported, expected an empty text");
  CHECK(unsupported("/normalizer", {{"type", "Lowercase"}}) ==
        "tokenizer.json: normalizer.type: 'Lowercase' is not supported, expected NFC, NFD, NFKC, NFKD, Prepend, Replace or a Sequence of "
        "them");
  CHECK(unsupported("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "(a)"}}}, {"content", "$1"}}) ==
        "tokenizer.json: normalizer.content: a '$' beside a Regex is not supported, expected a text without groups");
  CHECK(unsupported("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {{{"type", "BertPreTokenizer"}}}}}) ==
        "tokenizer.json: pre_tokenizer.pretokenizers[0].type: 'BertPreTokenizer' is not supported, expected ByteLevel, Digits, Metaspace, "
        "Punctuation, Split, Whitespace, WhitespaceSplit or a Sequence of them");
  CHECK(unsupported("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {{{"type", "ByteLevel"}}, {{"type", "Digits"}}}}}) ==
        "tokenizer.json: pre_tokenizer.pretokenizers[1].type: 'Digits' behind ByteLevel is not supported, expected ByteLevel as the last "
        "step");
  CHECK(unsupported("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"Regex", "a|("}}}, {"behavior", "Isolated"}}) ==
        "tokenizer.json: pre_tokenizer.pattern.Regex: the pattern at byte 3 of 'a|(': missing closing parenthesis");
  CHECK(unsupported("/added_tokens/1/single_word", true) ==
        "tokenizer.json: added_tokens[1].single_word: true is not supported, expected false for a token that texts become");
  json deep = {{"type", "NFC"}};
  for (int i = 0; i < 20; ++i) deep = {{"type", "Sequence"}, {"normalizers", {deep}}};
  CHECK(unsupported("/normalizer", deep).ends_with("so much of a Sequence is not supported, expected at most 64 steps, 8 deep"));

  json file = sentencepiece_json();
  file["model"]["vocab"].erase("<0x80>");
  file["added_tokens"][2]["content"] = kEndOfText;
  file["model"]["vocab"].erase("</s>");
  CHECK(refusal<UsageError>("/post_processor", nullptr, file) ==
        "tokenizer.json: model.vocab: byte_fallback with 255 of the tokens <0x00> to <0xFF> is not supported, expected all of them");
}

TEST_CASE("a damaged file is refused with its place") {
  CHECK(damaged("/model/vocab/a", -1) == "tokenizer.json: model.vocab.a: expected a token from 0 to 16777215, found -1");
  CHECK(damaged("/model/vocab/a", 1 << 24) == "tokenizer.json: model.vocab.a: expected a token from 0 to 16777215, found 16777216");
  CHECK(damaged("/model/vocab/a", 98) == "tokenizer.json: model.vocab.b: expected a number of its own, found 98, that of 'a'");
  CHECK(damaged("/model/vocab/a", "97") == "tokenizer.json: model.vocab.a: expected a whole number, found \"97\"");
  CHECK(damaged("/model/vocab/a", 1 << 23).starts_with("tokenizer.json: expected numbers without large gaps for 280 tokens, found one of"));
  CHECK(damaged("/model/vocab", json::array()) == "tokenizer.json: model.vocab: expected an object, found an array of 0 values");
  CHECK(damaged("/model/merges/0", "Ġt") ==
        "tokenizer.json: model.merges[0]: expected two tokens with a space between, found \"\\u0120t\"");
  CHECK(damaged("/model/merges/0", {"a", "b", "c"}) == "tokenizer.json: model.merges[0]: expected two tokens, found an array of 3 values");
  CHECK(damaged("/model/merges/0", "z z") == "tokenizer.json: model.merges[0]: expected tokens of the vocabulary, found \"zz\"");
  CHECK(damaged("/model/unk_token", "<unk>") == "tokenizer.json: model.unk_token: expected tokens of the vocabulary, found \"<unk>\"");
  CHECK(damaged("/model/ignore_merges", 1) == "tokenizer.json: model.ignore_merges: expected true or false, found 1");
  CHECK(damaged("/added_tokens/0/id", 5) == "tokenizer.json: added_tokens[0].id: expected a number of its own, found 5, that of 'ą'");
  CHECK(damaged("/added_tokens/1/content", "a") ==
        "tokenizer.json: added_tokens[1].id: expected 97, the number of 'a' in the vocabulary, found 278");
  CHECK(damaged("/pre_tokenizer", {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Sideways"}}) ==
        "tokenizer.json: pre_tokenizer.behavior: expected Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous, found "
        "\"Sideways\"");
  CHECK(damaged("/pre_tokenizer", json::object()) == "tokenizer.json: pre_tokenizer: expected a field 'type', found none");

  CHECK_THROWS_AS(bpe_tokenizer("{\"model\": ", kEndOfText, "tokenizer.json"), CorruptError);
  CHECK_THROWS_AS(bpe_tokenizer("[1]", kEndOfText, "tokenizer.json"), CorruptError);
  std::string twice = byte_level_json().dump();
  twice.insert(twice.find("\"vocab\":{") + 9, "\"a\":97,");
  CHECK_THROWS_WITH(bpe_tokenizer(twice, kEndOfText, "tokenizer.json"),
                    "tokenizer.json: model.vocab: expected every token once, found 278 entries of 277 tokens");
}

TEST_CASE("the end of a document is named by an added token") {
  CHECK_THROWS_WITH(
      tokenizer_of(byte_level_json(), "<|endoftxt|>"),
      "tokenizer.json: no added token '<|endoftxt|>' for the end of a document (did you mean '<|endoftext|>'?); special tokens "
      "are '<|endoftext|>'");
  json file = byte_level_json();
  file.erase("added_tokens");
  CHECK_THROWS_WITH(tokenizer_of(file),
                    "tokenizer.json: no added token '<|endoftext|>' for the end of a document; the file has no special token");
}

TEST_CASE("both forms of a merge are read, and what is not asked for is passed over") {
  json file = byte_level_json();
  for (json& merge : file["model"]["merges"]) {
    const auto text = merge.get<std::string>();
    const std::size_t space = text.find(' ');
    merge = json{text.substr(0, space), text.substr(space + 1)};
  }
  file["truncation"] = {{"max_length", 1}};
  file["post_processor"] = {{"type", "Anything"}};
  const auto tokenizer = tokenizer_of(file);
  CHECK(tokens_of(*tokenizer, "the cat") == std::vector<std::int32_t>{116, 257, 32, 266, 116});
}

TEST_CASE("whatever the bytes of a tokenizer.json, it is a tokenizer or a typed error, and nothing else") {
  const Random random(5, Purpose::kTest);
  std::uint64_t draw = 0;
  int tokenizers = 0, errors = 0;
  for (const json& file : {byte_level_json(), sentencepiece_json()}) {
    const std::string whole = file.dump();
    for (int i = 0; i < 300; ++i) {
      std::string bytes = whole;
      const std::size_t at = random.below(draw++, bytes.size()), size = 1 + random.below(draw++, 8);
      if (i % 3 == 0) bytes[at] = static_cast<char>(random.below(draw++, 256));
      if (i % 3 == 1) bytes.erase(at, size);
      if (i % 3 == 2) bytes.insert(random.below(draw++, bytes.size()), bytes.substr(at, size));
      (load_and_tokenize(bytes, kEndOfText) ? tokenizers : errors) += 1;
    }
  }
  CHECK(tokenizers > 0);
  CHECK(errors > 100);
}

}  // namespace peer::streams
