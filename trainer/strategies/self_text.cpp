#include "trainer/strategies/self_text.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/model/sample.h"

namespace peer::trainer {
namespace {

// Texts written side by side: enough to make matrices of vectors, few enough to be long.
constexpr std::int64_t kRows = 32;
constexpr std::int64_t kBytesAToken = 3;  // of a tokenizer whose tokens are pieces of words, or fewer: what is asked for is written

}  // namespace

std::vector<streams::Document> write_self_text(Context& ctx, LanguageModel language, int view, std::int64_t bytes, std::uint64_t seed) {
  const auto& [model, tokenizer] = language;
  const std::int32_t end = tokenizer.end_of_document();
  const std::int64_t tokens_wanted = tokenizer.is_bytes() ? bytes : bytes / kBytesAToken;
  const std::int64_t length = (tokens_wanted + kRows - 1) / kRows;
  std::vector<streams::Document> documents;
  for (auto& tokens :
       model::sample_alone(ctx, model, view, {.draw = {.temperature = 1}, .seed = static_cast<std::int64_t>(seed)}, kRows, length, end)) {
    tokens.push_back(end);
    std::string text;
    for (const std::int32_t token : tokens) {
      if (token != end) {
        text += tokenizer.text_of(token);
      } else if (!text.empty()) {
        documents.push_back({.text = text, .where = fmt::format("written by {}, text {}", model.view(view).name, documents.size())});
        text.clear();
      }
    }
  }
  if (documents.empty())
    throw UsageError(
        fmt::format("option 'self-text': view {} wrote nothing but ends of documents in {} bytes; ask for more text, or train it first",
                    model.view(view).name, bytes));
  return documents;
}

}  // namespace peer::trainer
