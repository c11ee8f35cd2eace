#include "streams/tokenizer/byte_tokenizer.h"

#include <array>

#include "peer/base/require.h"

namespace peer::streams {
namespace {

constexpr auto kBytes = [] {
  std::array<char, 256> bytes{};
  for (int b = 0; b < 256; ++b) bytes[static_cast<std::size_t>(b)] = static_cast<char>(b);
  return bytes;
}();

}  // namespace

void ByteTokenizer::append(std::string_view text, std::vector<std::int32_t>& tokens) const {
  tokens.reserve(tokens.size() + text.size());
  for (const unsigned char byte : text) tokens.push_back(byte);
}

std::string_view ByteTokenizer::text_of(std::int32_t token) const {
  require(token >= 0, "byte tokenizer: a token must not be negative");
  return token >= kEndOfDocument ? std::string_view() : std::string_view(&kBytes[static_cast<std::size_t>(token)], 1);
}

std::shared_ptr<const Tokenizer> byte_tokenizer() {
  static const auto bytes = std::make_shared<const ByteTokenizer>();  // it holds nothing, and who borrows it need not keep it
  return bytes;
}

}  // namespace peer::streams
