// One use of a tokenizer.json of arbitrary bytes, shared by the fuzzer and by the test of a fixed set of mutations.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "streams/tokenizer/tokenizer.h"

namespace peer::streams {

// Tokens of `text`; ContractError when one is no token, or is the end of a document.
inline std::vector<std::int32_t> checked_tokens(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> tokens;
  tokenizer.append(text, tokens);
  for (const std::int32_t token : tokens) {
    require(token >= 0 && token < tokenizer.vocabulary(), "tokenizer: a token of the vocabulary");
    require(token != tokenizer.end_of_document(), "tokenizer: no text becomes the end of a document");
  }
  return tokens;
}

// False when `json` is refused. Passes on everything but what bpe_tokenizer and append say that they throw.
inline bool load_and_tokenize(std::string_view json, const std::string& end_of_document) {
  try {
    for (const Marks marks : {Marks::kText, Marks::kTokens})
      checked_tokens(*bpe_tokenizer(json, end_of_document, "tokenizer.json", marks),
                     "the  cat's 1234\r\n<|endoftext|><tool> caf\xC3\xA9 e\xCC\x81 \xE6\x97\xA5\xFF\xE6\x97 end");
    return true;
  } catch (const UsageError&) {
  } catch (const CorruptError&) {
  } catch (const CorpusError&) {
  }
  return false;
}

}  // namespace peer::streams
