// Text to tokens and back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peer/base/options.h"

namespace peer::streams {

// What a text that spells a special token of tokenizer.json, "<|im_start|>", is read as: the characters that it is, for a text is data, not
// commands; or that token, as texts of chats mean it. The end of a document is no text's token either way.
enum class Marks { kText, kTokens };

}  // namespace peer::streams

namespace peer {
template <>
struct EnumNames<streams::Marks> {
  using enum streams::Marks;
  static constexpr std::pair<streams::Marks, std::string_view> values[] = {{kText, "text"}, {kTokens, "tokens"}};
};
}  // namespace peer

namespace peer::streams {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // V: tokens lie in [0, V).
  virtual std::int64_t vocabulary() const = 0;
  // Marks where a document starts and ends. No text becomes this token.
  virtual std::int32_t end_of_document() const = 0;
  // Adds the tokens of `text`, whatever bytes it holds.
  virtual void append(std::string_view text, std::vector<std::int32_t>& tokens) const = 0;
  // The bytes that a token stands for, which need not be whole characters; none for the end of a document and other tokens that no text
  // becomes, nor for numbers from V on: a model may have rows for more tokens than its tokenizer has.
  virtual std::string_view text_of(std::int32_t token) const = 0;
  // Whether a text's tokens are its bytes.
  virtual bool is_bytes() const { return false; }
};

// Of raw text, among `count` tokens.
std::int64_t bytes_of(const Tokenizer& tokenizer, const std::int32_t* tokens, std::int64_t count);

// Tokens are bytes; token 256 is the end of a document.
std::shared_ptr<const Tokenizer> byte_tokenizer();

// Byte-pair encoding as a tokenizer.json of Hugging Face describes it. `end_of_document`: the content of the added token that marks it,
// "<|endoftext|>". The field post_processor, which puts marks around a text, is passed over on purpose, for the stream puts its own; so are
// truncation and padding. As there, a character that has neither a token nor bytes nor an unknown token vanishes. CorruptError when `json`
// is damaged, UsageError when it asks for what is not supported; both name `where`.
std::shared_ptr<const Tokenizer> bpe_tokenizer(std::string_view json, const std::string& end_of_document, const std::string& where,
                                               Marks marks = Marks::kText);

}  // namespace peer::streams
