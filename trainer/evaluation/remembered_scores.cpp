#include "trainer/evaluation/remembered_scores.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::trainer {
namespace {

constexpr std::size_t kDigestDigits = 32;

// The digest of what follows, then every document's tokens as float32.
std::string encode_scores(const TokenLogP& log_p) {
  std::string floats;
  for (const auto& document : log_p) floats.append(reinterpret_cast<const char*>(document.data()), document.size() * sizeof(float));
  return to_hex(digest_of(floats)) + floats;
}

std::size_t token_count(const streams::Tokenizer& tokenizer, const std::string& text) {
  if (tokenizer.is_bytes()) return text.size();
  std::vector<std::int32_t> tokens;
  tokenizer.append(text, tokens);
  return tokens.size();
}

TokenLogP decode_scores(std::string_view text, std::span<const streams::Document> documents, const streams::Tokenizer& tokenizer,
                        const std::string& key) {
  TokenLogP log_p;
  std::size_t tokens = 0;
  for (const streams::Document& document : documents) {
    log_p.emplace_back(token_count(tokenizer, document.text) + 1);
    tokens += log_p.back().size();
  }
  if (text.size() != kDigestDigits + tokens * sizeof(float))
    throw CorruptError(fmt::format("the pool's record '{}': expected the scores of {} tokens, found {} bytes", key, tokens, text.size()));
  if (to_hex(digest_of(text.substr(kDigestDigits))) != text.substr(0, kDigestDigits))
    throw CorruptError(fmt::format("the pool's record '{}' does not match its digest", key));
  const char* at = text.data() + kDigestDigits;
  for (auto& document : log_p) {
    std::memcpy(document.data(), at, document.size() * sizeof(float));
    at += document.size() * sizeof(float);
  }
  return log_p;
}

}  // namespace

RememberedScores::RememberedScores(Session& session, const EvaluateOptions& options, std::span<const int> changing, const Records& fresh)
    : session_(session), options_(options), changing_(changing.begin(), changing.end()), fresh_(fresh) {}

bool RememberedScores::stays(int view) const {
  const auto changes = [&](int v) { return std::find(changing_.begin(), changing_.end(), v) != changing_.end(); };
  const std::vector<int> path = session_.loaded.model.path(view);
  return !changes(0) && std::none_of(path.begin(), path.end(), changes);
}

std::string RememberedScores::key_of(int view, const Digest& held_out) const {
  model::Model& model = session_.loaded.model;
  const pool::Generation& generation = session_.generation;
  std::string made_of =
      fmt::format("{} batch {} overlap {} threads {} {} {}", to_hex(options_fingerprint(model.options())), options_.eval_batch,
                  options_.eval_overlap, session_.ctx.threads(), session_.ctx.device_name(), to_text(session_.ctx.cpu_path()));
  if (session_.ctx.precision() != Precision::kFp32) made_of += " " + to_text(session_.ctx.precision());
  std::vector<int> path = model.path(view);
  path.insert(path.begin(), 0);
  for (const int v : path) {
    const pool::TrunkInfo* trunk = generation.trunk(model.view(v).name);
    if (trunk == nullptr)
      throw CorruptError(fmt::format("generation {}: the trunk '{}' is missing", generation.id.value, model.view(v).name));
    made_of += fmt::format("; {}", to_hex(trunk->content));
    if (v > 0) made_of += " " + to_hex(options_fingerprint(model.view(v).delta->options));
    model.for_each_block(v, [&](layers::PeerBlock& block, int layer) {
      const pool::TableInfo* table = generation.table(block.id());
      if (table == nullptr) throw CorruptError(fmt::format("generation {}: block {} is missing", generation.id.value, block.id().value));
      made_of += fmt::format(" {} {} of {} {} {}", layer, block.open(), block.side(), block.statistics() == ops::Statistics::kFrozen,
                             to_hex(table->map_root));
    });
  }
  return fmt::format("scores/{}/{}", to_hex(digest_of(made_of)), to_hex(held_out));
}

ViewScores RememberedScores::known(std::span<const int> views, const Digest& held_out, std::span<const streams::Document> documents) const {
  ViewScores scores;
  for (const int view : views) {
    if (!stays(view)) continue;
    const std::string key = key_of(view, held_out);
    if (const auto text = find_record(session_.pool, fresh_, key))
      scores[view] = decode_scores(*text, documents, *session_.loaded.tokenizer, key);
  }
  return scores;
}

ViewScores RememberedScores::of(std::span<const int> views, const Digest& held_out, std::span<const streams::Document> documents,
                                Records& records, const ScoringWatch& watch) const {
  ViewScores scores = known(views, held_out, documents);
  const std::int64_t to_read = std::ssize(views) - std::ssize(scores);
  std::int64_t read = 0;
  for (const int view : views) {
    if (scores.contains(view)) continue;
    scores[view] = score_documents(session_.ctx, session_.loaded.language(), view, documents, options_,
                                   watch.part(read++, to_read, "view " + session_.loaded.model.view(view).name));
    if (stays(view)) records.emplace_back(key_of(view, held_out), encode_scores(scores[view]));
  }
  return scores;
}

}  // namespace peer::trainer
