#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

std::int64_t bytes_of(const Tokenizer& tokenizer, const std::int32_t* tokens, std::int64_t count) {
  std::int64_t bytes = 0;
  for (std::int64_t i = 0; i < count; ++i) bytes += std::ssize(tokenizer.text_of(tokens[i]));
  return bytes;
}

}  // namespace peer::streams
