#include "streams/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "peer/base/digest.h"
#include "peer/base/error.h"
#include "streams/text_cut.h"

namespace peer::streams {
namespace {

bool hash_below(const Document& document, double share) { return static_cast<double>(document.hash >> 11) * 0x1p-53 < share; }

bool smaller_hash(const Document& a, const Document& b) { return a.hash < b.hash; }

Split cut_in_two(Document whole, double share) {
  constexpr std::size_t kLeastBytes = 200;
  const auto wanted = static_cast<std::size_t>((1.0 - share) * static_cast<double>(whole.text.size()));
  const std::size_t cut = line_end_near(whole.text, wanted);
  if (cut == 0 || whole.text.size() < kLeastBytes)
    throw CorpusError(
        fmt::format("{}: one document of {} bytes is too little to hold out a part of it (at least two lines and {} bytes); "
                    "add text or give --test PATH",
                    whole.where, whole.text.size(), kLeastBytes));
  Document rest{whole.text.substr(cut), fmt::format("{}+{}", whole.where, cut)};
  whole.text.resize(cut);
  for (Document* part : {&whole, &rest}) part->hash = hash64_of(part->text.data(), part->text.size());
  Split split;
  split.training.push_back(std::move(whole));
  split.held_out.push_back(std::move(rest));
  return split;
}

void move_document(std::vector<Document>& from, std::vector<Document>::iterator document, std::vector<Document>& to) {
  to.push_back(std::move(*document));
  from.erase(document);
}

}  // namespace

Split split_documents(std::vector<Document> documents, double share) {
  if (documents.size() == 1) return cut_in_two(std::move(documents.front()), share);
  Split split;
  for (auto& document : documents) (hash_below(document, share) ? split.held_out : split.training).push_back(std::move(document));
  auto& [training, held_out] = split;
  if (held_out.empty()) move_document(training, std::min_element(training.begin(), training.end(), smaller_hash), held_out);
  if (training.empty()) move_document(held_out, std::max_element(held_out.begin(), held_out.end(), smaller_hash), training);
  return split;
}

std::int64_t drop_held_out(std::vector<Document>& training, const std::vector<Document>& held_out) {
  std::unordered_set<std::uint64_t> hashes;
  std::unordered_multimap<std::string_view, std::string_view> by_begin, by_end;
  for (const Document& held : held_out) {
    const std::string_view text = held.text;
    hashes.insert(held.hash);
    if (text.size() < kTellingBytes) continue;
    by_begin.emplace(text.substr(0, kTellingBytes), text);
    by_end.emplace(text.substr(text.size() - kTellingBytes), text);
  }
  const auto is_held_out = [&](const Document& document) {
    const std::string_view text = document.text;
    if (hashes.contains(document.hash)) return true;
    if (text.size() < kTellingBytes) return false;
    const auto [first, last] = by_begin.equal_range(text.substr(0, kTellingBytes));
    if (std::any_of(first, last, [&](const auto& held) { return text.starts_with(held.second); })) return true;
    const auto [from, to] = by_end.equal_range(text.substr(text.size() - kTellingBytes));
    return std::any_of(from, to, [&](const auto& held) { return text.ends_with(held.second); });
  };
  return static_cast<std::int64_t>(std::erase_if(training, is_held_out));
}

}  // namespace peer::streams
