#include "trainer/import/known_domain.h"

#include <utility>

#include <fmt/format.h>

#include "peer/base/counted.h"
#include "streams/corpus.h"
#include "trainer/evaluation/loss_rows.h"

namespace peer::trainer {

std::vector<streams::Document> held_out_of(const streams::StreamOptions& stream, Progress& progress) {
  streams::StreamOptions text = stream;
  if (!text.from.empty())
    return streams::Corpus(text, *streams::byte_tokenizer(), {}, {.progress = &progress}).held_out();  // its text alone
  text.from = std::exchange(text.test, {});
  return streams::read_whole(text, {.progress = &progress}).documents;
}

pool::CommitReport measure_known(Session& session, const KnownDomain& known, Progress& progress, const std::atomic<bool>& stop) {
  RunOptions options;
  options.evaluate = known.evaluate, options.mixture = known.mixture;
  options.stage.domain = known.domain;
  options.measure.eval_bytes = known.eval_bytes;
  Records records = arrive(session, options, known.held_out, progress, stop);
  History& history = session.loaded.history;
  history.stages.push_back({.domain = known.domain, .strategy = kImport});
  for (auto& record : evaluate_all(session, options.evaluate, options.mixture, {}, records, progress)) records.push_back(std::move(record));
  pool::Transaction transaction = session.pool.begin(session.generation.id);
  for (auto& [key, value] : records) transaction.put_record(key, std::move(value));
  transaction.set_state(state_text(session.loaded, std::nullopt));
  transaction.set_fingerprint(session.generation.fingerprint);
  const pool::CommitReport commit = transaction.commit(kHead, fmt::format("{} import: {} measured, nothing learnt", known.domain,
                                                                          counted(history.domain(known.domain)->documents, "document")));
  session.generation = session.pool.generation(commit.id);
  return commit;
}

}  // namespace peer::trainer
