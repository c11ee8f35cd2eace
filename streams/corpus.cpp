#include "streams/corpus.h"

#include <fmt/format.h>

#include <utility>

#include "peer/base/counted.h"
#include "peer/base/digest.h"
#include "peer/base/error.h"
#include "streams/batch_stream.h"
#include "streams/document_set.h"
#include "streams/split.h"

namespace peer::streams {
namespace {

void check(const StreamOptions& options) {
  const auto demand = [](bool held, const char* name, const char* expected, auto found) {
    if (!held) throw UsageError(fmt::format("option '{}': expected {}, found {}", name, expected, found));
  };
  const auto document_bytes = options.document_bytes;
  demand(!options.from.empty(), "from", "at least one file, directory or - (stdin)", "none");
  demand(options.held_out_share >= 0 && options.held_out_share < 1, "held-out-share", "a share in [0, 1)", options.held_out_share);
  demand(options.max_document_bytes >= 64, "max-document-bytes", "at least 64", options.max_document_bytes);
  demand(document_bytes == 0 || (document_bytes >= 64 && document_bytes <= options.max_document_bytes), "document-bytes",
         "0 or 64 to max-document-bytes", document_bytes);
  demand(options.shuffle_windows >= 1, "shuffle-windows", "at least 1", options.shuffle_windows);
  demand(options.max_bytes >= 0, "max-bytes", "0 (all) or more", options.max_bytes);
}

std::vector<Document> read(const std::vector<std::string>& paths, const char* flag, const StreamOptions& options, std::int64_t max_bytes,
                           CorpusReport& report, const Reading& reading) {
  DocumentSet set(options, max_bytes, report, reading);
  set.add_files(paths);
  auto documents = set.take();
  if (documents.empty() && report.bad > 0)
    throw CorpusError(fmt::format("{} {}: no readable document among {} bad ones, of which the first: {}", flag, paths.front(), report.bad,
                                  report.first_bad));
  if (documents.empty()) throw CorpusError(fmt::format("{} {}: holds no text; expected UTF-8 text or JSONL", flag, paths.front()));
  return documents;
}

std::int64_t bytes_of(const std::vector<Document>& documents) {
  std::int64_t bytes = 0;
  for (const auto& document : documents) bytes += std::ssize(document.text);
  return bytes;
}

std::uint64_t hash_of(const std::vector<Document>& documents) {
  std::vector<std::uint64_t> hashes;
  for (const auto& document : documents) hashes.push_back(document.hash);
  return hash64_of(hashes.data(), hashes.size() * sizeof(hashes[0]));
}

Split split_as_given(const StreamOptions& options, CorpusReport& report, const Reading& reading) {
  auto documents = read(options.from, "--from", options, options.max_bytes, report, reading);
  if (options.test.empty()) try {
      return split_documents(std::move(documents), options.held_out_share);
    } catch (const CorpusError& error) {
      if (report.bad == 0) throw;
      throw CorpusError(fmt::format("{} ({} skipped, the first: {})", error.what(), counted(report.bad, "bad document"), report.first_bad));
    }
  Split split{std::move(documents), read(options.test, "--test", options, 0, report, reading)};
  report.duplicates += drop_held_out(split.training, split.held_out);
  if (split.training.empty())
    throw CorpusError(fmt::format("--from {}: every document is also in --test {}; nothing is left to train on", options.from.front(),
                                  options.test.front()));
  return split;
}

Split read_split(const StreamOptions& options, const std::vector<Document>& kept_out, CorpusReport& report, const Reading& reading) {
  Split split = split_as_given(options, report, reading);
  report.kept_out = drop_held_out(split.training, kept_out);
  if (split.training.empty())
    throw CorpusError(fmt::format("--from {}: the pool's domains are scored on all of its {} documents; nothing is left to train on",
                                  options.from.front(), report.kept_out));
  return split;
}

}  // namespace

WholeText read_whole(const StreamOptions& options, const Reading& reading) {
  check(options);
  WholeText whole;
  whole.documents = read(options.from, "--from", options, options.max_bytes, whole.report, reading);
  whole.report.documents = std::ssize(whole.documents);
  whole.report.bytes = bytes_of(whole.documents);
  return whole;
}

std::string format_hint(const CorpusReport& report) {
  if (report.like_json.empty()) return "";
  const auto hint = [&](const char* shape, const char* advice) {
    return fmt::format("{} begins like {} and is read as plain text, braces and all; {}", report.like_json, shape, advice);
  };
  switch (report.like_shape) {
    case JsonShape::kArray:
      return hint("a JSON array", "jq -c '.[]' makes JSONL of it");
    case JsonShape::kObject:
      return hint("a JSON object over several lines", "jq -c . makes JSONL of it");
    default:
      return hint("JSONL", "--format jsonl reads its documents");
  }
}

struct Corpus::State {
  CorpusReport report;
  Split split;
  std::uint64_t hash = 0, seed = 0;
  BatchStream stream;

  State(const StreamOptions& options, const Tokenizer& tokenizer, const std::vector<Document>& kept_out, const Reading& reading)
      : split(read_split(options, kept_out, report, reading)),
        hash(hash_of(split.training)),
        stream(split.training, tokenizer, options.shuffle_windows, reading) {
    report.held_out_documents = std::ssize(split.held_out);
    report.held_out_bytes = bytes_of(split.held_out);
    report.documents = std::ssize(split.training) + report.held_out_documents;
    report.bytes = bytes_of(split.training) + report.held_out_bytes;
  }
};

Corpus::Corpus(const StreamOptions& options, const Tokenizer& tokenizer, const std::vector<Document>& kept_out, const Reading& reading) {
  check(options);
  state_ = std::make_unique<State>(options, tokenizer, kept_out, reading);
}
Corpus::~Corpus() = default;
Corpus::Corpus(Corpus&&) noexcept = default;

const CorpusReport& Corpus::report() const { return state_->report; }
const std::vector<Document>& Corpus::held_out() const { return state_->split.held_out; }
const std::vector<Document>& Corpus::training() const { return state_->split.training; }

void Corpus::start(std::int64_t rows, std::int64_t length, const Cursor& cursor) {
  if (cursor.corpus_hash != 0 && cursor.corpus_hash != state_->hash)
    throw UsageError(
        fmt::format("the corpus is not the one the run started with (hash {:016x}, expected {:016x}): resume with the same "
                    "--from and the same stream options, or start without --resume",
                    state_->hash, cursor.corpus_hash));
  state_->seed = cursor.seed;
  state_->stream.start(rows, length, cursor.seed, cursor.batches);
}

const Batch& Corpus::next() { return state_->stream.next(); }
Cursor Corpus::cursor() const { return {state_->stream.batches(), state_->seed, state_->hash}; }
std::int64_t Corpus::epoch() const { return state_->stream.epoch(); }
std::int64_t Corpus::training_tokens() const { return state_->stream.tokens(); }
double Corpus::bytes_a_token() const {
  return static_cast<double>(state_->report.bytes - state_->report.held_out_bytes) / static_cast<double>(training_tokens());
}

}  // namespace peer::streams
