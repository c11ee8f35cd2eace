// What is expected here was computed by the `tokenizers` library, version 0.23, from the same files, with special tokens encoded as text.
#include <thread>

#include "peer/base/philox.h"
#include "streams/tokenizer/utf8.h"
#include "tests/streams/small_tokenizers.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

using nlohmann::json;
using Tokens = std::vector<std::int32_t>;

struct Example {
  std::string text;
  Tokens tokens;
};

void check(const json& file, const std::vector<Example>& examples, const std::string& end_of_document = kEndOfText) {
  const auto tokenizer = tokenizer_of(file, end_of_document);
  for (const auto& [text, tokens] : examples) {
    INFO(text);
    CHECK(tokens_of(*tokenizer, text) == tokens);
  }
}

std::string random_bytes(const Random& random, std::uint64_t& draw, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(draw++, 256));
  return bytes;
}

std::string random_text(const Random& random, std::uint64_t& draw, std::size_t characters) {
  constexpr const char* kCharacters[] = {" ",
                                         "t",
                                         "h",
                                         "e",
                                         "a",
                                         "n",
                                         "d",
                                         "in",
                                         "ca",
                                         "f",
                                         "é",
                                         "'ll",
                                         "12",
                                         "3",
                                         "\n",
                                         "\r\n",
                                         "<|",
                                         "ß",
                                         "日本",
                                         "\xF0\x9F\x98\x80",
                                         "\xCC\x81",
                                         "\xC2\xA0",
                                         "\xE2\x81\x82",
                                         "\t",
                                         "  ",
                                         "<|endoftext|>"};
  std::string text;
  while (characters-- > 0) text += kCharacters[random.below(draw++, std::size(kCharacters))];
  return text;
}

}  // namespace

TEST_CASE("marks, and numbers that a model has rows for but no tokenizer knows, stand for no text") {
  const auto pieces = tokenizer_of(byte_level_json());
  for (const Tokenizer* tokenizer : {pieces.get(), byte_tokenizer().get()}) {
    CHECK(tokenizer->text_of(tokenizer->end_of_document()).empty());
    CHECK(tokenizer->text_of(static_cast<std::int32_t>(tokenizer->vocabulary()) + 5).empty());
    CHECK(tokenizer->text_of('a').size() == 1);
  }
}

TEST_CASE("GPT-2's structure: bytes, merged within the words of its pattern") {
  check(byte_level_json(), {{"the cat and the end", {116, 257, 32, 266, 116, 262, 258, 32, 276}},
                            {"we'll sing  in   the café\n\n\n123 1234",
                             {119, 101, 265, 32, 115, 263, 32, 32, 259, 272, 258, 32, 269, 10, 10, 10, 271, 32, 271, 52}},
                            {"Straße 日本 ½\xE3\x80\x80x",
                             {83, 116, 114, 97, 195, 159, 101, 32, 230, 151, 165, 230, 156, 172, 32, 194, 189, 227, 128, 128, 120}},
                            {"", {}}});
}

TEST_CASE("a text that spells a special token stays text, another added token is cut out of it") {
  check(byte_level_json(), {{"<|endoftext|>the <|endoftext|>", {274, 276, 111, 102, 116, 101, 120, 116, 124, 62,  116, 257,
                                                                32,  274, 276, 111, 102, 116, 101, 120, 116, 124, 62}},
                            {"a<tool>b  <gap>\n c<tool><gap>", {97, 278, 98, 279, 99, 278, 279}}});
}

TEST_CASE("a text that spells a special token is that token where marks are tokens, but for the end of a document") {
  const auto tokenizer = tokenizer_of(sentencepiece_json(), "</s>", Marks::kTokens);
  const auto tokens = [&](std::string_view text) { return tokens_of(*tokenizer, text); };
  CHECK(tokens("<s>the cat<s> and<unk> a") == Tokens{1, 271, 277, 267, 1, 259, 274, 0, 259, 272});
  CHECK(tokens("<s><s>") == Tokens{1, 1});
  CHECK(tokens("a<s") == Tokens{272, 63, 118});
  CHECK(tokens("</s>") == tokens_of(*tokenizer_of(sentencepiece_json(), "</s>"), "</s>"));
  CHECK(tokenizer->text_of(1) == "<s>");
  CHECK(tokenizer->text_of(2).empty());
}

TEST_CASE("the structure of Llama 3 and Qwen 2: a pattern of its own, normal form C, whole words before merges") {
  json file = byte_level_json();
  file["normalizer"] = {{"type", "NFC"}};
  file["pre_tokenizer"] = json::parse(R"!({"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]})!");
  file["model"]["vocab"]["Ġwhole"] = 300;
  file["model"]["ignore_merges"] = true;
  check(file, {{"we'LL the\r\n\r\n  end 12345", {119, 101, 39, 76, 76, 258, 13, 10, 13, 10, 32, 32, 276, 32, 271, 52, 53}},
               {"cafe\xCC\x81 cafe\xCC\x81\xCC\xA3", {269, 32, 267, 225, 186, 185, 204, 129}},
               {"whole whole", {119, 104, 111, 108, 101, 300}}});
}

TEST_CASE("digits one by one, and a space before every piece") {
  json file = byte_level_json();
  file["pre_tokenizer"] = json::parse(R"({"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true},
                                          {"type": "ByteLevel", "add_prefix_space": true, "use_regex": true}]})");
  check(file, {{"the 123the", {258, 32, 32, 49, 32, 50, 32, 51, 258}}, {"12 and", {32, 49, 32, 50, 262}}});
}

TEST_CASE("Llama 2's structure: characters, marked spaces, bytes for what has no token") {
  const std::vector<Example> examples = {
      {"<s>the é</s>", {259, 63, 118, 65, 267, 270, 259, 198, 172, 63, 50, 118, 65}},
      {"and the cat and the cat and the cat can be heard at the end of the ten beans.",
       {274, 271, 277, 267, 274, 271, 277, 267, 274, 271, 277, 267, 277, 266, 259, 261, 264, 259, 270, 260, 117, 263,
        272, 267, 271, 259, 264, 266, 263, 259, 114, 105, 271, 269, 264, 266, 259, 261, 264, 260, 266, 118, 268}},
      {"", {}}};
  json file = sentencepiece_json();
  check(file, examples, "</s>");
  check(file, {{"the  cat and the dent.", {271, 275, 276, 267, 274, 271, 259, 263, 264, 266, 267, 268}}, {" a\nb", {259, 272, 13, 261}}},
        "</s>");

  file["normalizer"] = nullptr;
  file["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "▁"}, {"prepend_scheme", "first"}, {"split", true}};
  check(file, examples, "</s>");
  check(file, {{"the  cat and the dent.", {271, 259, 277, 267, 274, 271, 259, 263, 264, 266, 267, 268}}, {" a\nb", {272, 13, 261}}},
        "</s>");
}

TEST_CASE("a character without a token becomes the unknown token, fused or not, or vanishes") {
  json file = sentencepiece_json();
  json& model = file["model"];
  model["byte_fallback"] = false;
  check(file, {{"the xyz cat", {271, 259, 0, 277, 267}}, {"xax", {259, 0, 260, 0}}}, "</s>");
  model["fuse_unk"] = false;
  check(file, {{"the xyz cat", {271, 259, 0, 0, 0, 277, 267}}, {"xax", {259, 0, 260, 0}}}, "</s>");
  model["unk_token"] = nullptr;
  check(file, {{"txhxe xyz cat", {271, 275, 276, 267}}}, "</s>");
}

TEST_CASE("the end of a document is never made of text, though it be the unknown token or no special one") {
  json file = sentencepiece_json();
  file["model"]["byte_fallback"] = false;
  check(file, {{"axb", {272, 261}}}, "<unk>");
  file = byte_level_json();
  check(file, {{"<tool>", {60, 116, 111, 111, 108, 62}}}, "<tool>");
  CHECK(tokenizer_of(file, "<tool>")->end_of_document() == 278);
}

TEST_CASE("whatever the bytes of a text, its tokens stand for them") {
  const Random random(1, Purpose::kTest);
  std::uint64_t draw = 0;
  json file = byte_level_json();
  file["added_tokens"].erase(2);  // <gap>, which takes the white space around it
  const auto tokenizer = tokenizer_of(file);
  for (int i = 0; i < 300; ++i) {
    std::string text = random_text(random, draw, random.below(draw + 1000, 50));
    if (i % 3 == 1) text.insert(random.below(draw, text.size() + 1), random_bytes(random, draw, 5));
    if (i % 3 == 2) text = random_bytes(random, draw, random.below(draw + 1000, 300));
    CHECK(text_of(*tokenizer, tokens_of(*tokenizer, text)) == text);
  }
}

TEST_CASE("a stray byte becomes its byte token, the unknown token or nothing, and ends a word") {
  check(byte_level_json(), {{"the\xFF the\xE6\x97", {116, 257, 255, 258, 230, 151}}});
  json file = sentencepiece_json();
  check(file, {{"a\xFFthe", {272, 258, 267, 270}}}, "</s>");
  file["model"]["byte_fallback"] = false;
  check(file, {{"a\xFFthe", {272, 0, 267, 270}}}, "</s>");
  file["model"]["unk_token"] = nullptr;
  check(file, {{"a\xFFthe", {272, 267, 270}}}, "</s>");
}

TEST_CASE("threads share a tokenizer") {
  const Random random(2, Purpose::kTest);
  std::uint64_t draw = 0;
  const auto tokenizer = tokenizer_of(byte_level_json());
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(random_text(random, draw, 400));
  std::vector<Tokens> alone(texts.size()), together(4 * texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) alone[i] = tokens_of(*tokenizer, texts[i]);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < texts.size(); ++i) together[t * texts.size() + i] = tokens_of(*tokenizer, texts[i]);
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < together.size(); ++i) CHECK(together[i] == alone[i % texts.size()]);
}

TEST_CASE("the tokens know the bytes that they stand for; marks and what lies behind the vocabulary stand for none") {
  const auto bytes = tokenizer_of(byte_level_json());
  CHECK(bytes->vocabulary() == 280);
  CHECK(bytes->end_of_document() == 277);
  CHECK(bytes->text_of(258) == " the");
  CHECK(bytes->text_of(0xC3) == "\xC3");
  CHECK(bytes->text_of(277).empty());
  CHECK(bytes->text_of(278) == "<tool>");
  CHECK(bytes->text_of(280).empty());
  const auto pieces = tokenizer_of(sentencepiece_json(), "</s>");
  CHECK(pieces->vocabulary() == 278);
  CHECK(pieces->text_of(3 + 0xFE) == "\xFE");
  CHECK(pieces->text_of(271) == " the");
  CHECK(pieces->text_of(275) == "  ");
  CHECK(pieces->text_of(0).empty());
  CHECK(text_of(*pieces, tokens_of(*pieces, "the café\n")) == " the café\n");
}

}  // namespace peer::streams
