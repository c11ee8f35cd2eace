// libFuzzer: the first byte chooses whether the rest is a tokenizer.json, or a text for one of two tokenizers.
#include <cstdint>

#include "tests/fuzz/tokenize_anything.h"
#include "tests/streams/small_tokenizers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peer::streams;
  static const auto bytes = [] {
    auto json = byte_level_json();
    json["added_tokens"].erase(2);  // takes the white space around it
    return tokenizer_of(json);
  }();
  static const auto pieces = tokenizer_of(sentencepiece_json(), "</s>");
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      load_and_tokenize(rest, kEndOfText);
      break;
    case 1:
      peer::require(text_of(*bytes, checked_tokens(*bytes, rest)) == rest, "tokenizer: tokens stand for the bytes of their text");
      break;
    case 2:
      checked_tokens(*pieces, rest);
      break;
  }
  return 0;
}
