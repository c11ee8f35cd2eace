#include "trainer/strategies/self_text.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/model/sample.h"
#include "streams/byte_tokenizer.h"

namespace peer::trainer {
namespace {

// Texts written side by side: enough to make matrices of vectors, few enough to be long.
constexpr std::int64_t kRows = 32;

}  // namespace

std::vector<streams::Document> write_self_text(Context& ctx, model::Model& model, int view, std::int64_t bytes, std::uint64_t seed) {
  constexpr std::int32_t kEnd = streams::ByteTokenizer::kEndOfDocument;
  const std::int64_t length = (bytes + kRows - 1) / kRows;
  std::vector<streams::Document> documents;
  for (auto& tokens :
       model::sample_alone(ctx, model, view, {.draw = {.temperature = 1}, .seed = static_cast<std::int64_t>(seed)}, kRows, length, kEnd)) {
    tokens.push_back(kEnd);
    std::string text;
    for (const std::int32_t token : tokens) {
      if (token != kEnd) {
        text.push_back(static_cast<char>(token));
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
