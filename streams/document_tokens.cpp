#include "streams/document_tokens.h"

#include <algorithm>
#include <string_view>

#include "peer/base/require.h"

namespace peer::streams {
namespace {
constexpr std::int64_t kLong = 1 << 20;  // tokens after which a reader is told how far it is
}

DocumentTokens::DocumentTokens(const std::vector<Document>& documents, const Tokenizer& tokenizer, const Reading& reading)
    : documents_(documents), tokenizer_(tokenizer) {
  if (tokenizer.is_bytes()) return;
  starts_.push_back(0);
  for (const Document& document : documents) {
    check_stop(reading.stop);
    if (reading.progress != nullptr && std::ssize(tokens_) >= kLong)
      reading.progress->update("find tokens", std::ssize(starts_), std::ssize(documents), "documents");
    tokenizer.append(document.text, tokens_);
    starts_.push_back(std::ssize(tokens_));
  }
}

std::int64_t DocumentTokens::size(std::int64_t document) const {
  const auto d = static_cast<std::size_t>(document);
  return tokenizer_.is_bytes() ? std::ssize(documents_[d].text) : starts_[d + 1] - starts_[d];
}

std::int64_t DocumentTokens::append(std::int64_t document, std::int64_t begin, std::int64_t count,
                                    std::vector<std::int32_t>& tokens) const {
  require(begin >= 0 && begin <= size(document) && count >= 0, "document tokens: a part begins within its document");
  const auto d = static_cast<std::size_t>(document);
  count = std::min(count, size(document) - begin);
  if (tokenizer_.is_bytes()) {
    const std::string_view text = documents_[d].text;
    tokenizer_.append(text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)), tokens);
  } else {
    const auto from = tokens_.begin() + starts_[d] + begin;
    tokens.insert(tokens.end(), from, from + count);
  }
  return count;
}

}  // namespace peer::streams
