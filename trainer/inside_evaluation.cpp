#include "trainer/inside_evaluation.h"

#include "trainer/held_out.h"

namespace peer::trainer {

InsideEvaluation::InsideEvaluation(Session& session, const RunOptions& options, int view)
    : session_(session), evaluate_(options.evaluate), mixture_(options.mixture), every_(options.train.eval_every) {
  if (every_ == 0) return;
  views_ = options.stage.predicts == Prediction::kMixture ? all_views(session.loaded.model) : std::vector<int>{view};
  const History& history = session.loaded.history;
  const auto rows = history.rows();
  for (std::size_t j = 0; j < history.domains.size() && j + 1 < rows.size(); ++j) {
    const DomainRecord& domain = history.domains[j];
    const auto bits = rows[j + 1]->bits.find(domain.name);
    if (domain.name == options.stage.domain || bits == rows[j + 1]->bits.end()) continue;
    Sample sample{domain.name, read_held_out(session.pool, domain), 0};
    std::vector<DocumentBits> learnt = read_bits(session.pool, bits->second);
    std::size_t kept = 0;
    for (std::int64_t bytes = 0; kept < learnt.size(); ++kept) {
      bytes += learnt[kept].bytes;
      if (kept > 0 && bytes > kSampleBytes) break;
    }
    sample.documents.resize(kept), learnt.resize(kept);
    sample.learnt = bits_per_byte(learnt);
    samples_.push_back(std::move(sample));
  }
}

void InsideEvaluation::after_step(std::int64_t step) {
  if (samples_.empty() || (step != 1 && step % every_ != 0)) return;
  for (const Sample& sample : samples_) {
    const double loss =
        bits_per_byte(score_domain(session_.ctx, session_.loaded.model, views_, sample.documents, evaluate_, mixture_).mixture);
    InsideScore& score = session_.loaded.history.inside[sample.domain];
    if (loss <= score.worst) continue;  // never for the first, whose worst is missing
    score = {loss, sample.learnt, step};
  }
}

}  // namespace peer::trainer
