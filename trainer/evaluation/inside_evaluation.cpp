#include "trainer/evaluation/inside_evaluation.h"

#include "trainer/evaluation/evaluate.h"
#include "trainer/state/held_out.h"
#include "trainer/state/views.h"

namespace peer::trainer {

InsideEvaluation::InsideEvaluation(Session& session, const RunOptions& options, int view)
    : session_(session), evaluate_(options.evaluate), mixture_(options.mixture), every_(options.measure.eval_every) {
  if (every_ == 0) return;
  views_ = options.stage.predicts == Prediction::kMixture ? all_views(session.loaded.model) : std::vector<int>{view};
  const History& history = session.loaded.history;
  for (const DomainRecord& domain : history.domains) {
    const std::size_t own = history.learnt(domain.name);
    if (domain.name == options.stage.domain || own >= history.stages.size()) continue;
    const auto bits = history.stages[own].bits.find(domain.name);
    if (bits == history.stages[own].bits.end()) continue;
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
        bits_per_byte(score_domain(session_.ctx, session_.loaded.language(), views_, sample.documents, evaluate_, mixture_).mixture);
    InsideScore& score = session_.loaded.history.inside[sample.domain];
    if (loss <= score.worst) continue;  // never for the first, whose worst is missing
    score = {loss, sample.learnt, step};
  }
}

}  // namespace peer::trainer
