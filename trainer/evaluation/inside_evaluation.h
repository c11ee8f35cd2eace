#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "streams/document.h"
#include "trainer/options/run_options.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// What a stage does to the older domains while it runs: a domain that is lost in the first steps and won back by the end shows in no row
// of L (the stability gap; De Lange et al. 2023). Keeps the worst score of each in the session's history, changes nothing else.
class InsideEvaluation {
 public:
  // `view`: the one that the stage trains. Reads the sample: of each older domain, the first held-out documents that fit into kSampleBytes
  // (at least one), and what they cost right after the domain's own stage. Nothing without measure.eval_every.
  InsideEvaluation(Session& session, const RunOptions& options, int view);
  // Scores the sample when it is due: after the first step and every measure.eval_every.
  void after_step(std::int64_t step);

  static constexpr std::int64_t kSampleBytes = 8 << 10;

 private:
  struct Sample {
    std::string domain;
    std::vector<streams::Document> documents;
    double learnt;  // bits per byte
  };

  Session& session_;
  EvaluateOptions evaluate_;
  model::MixtureOptions mixture_;
  std::int64_t every_;
  std::vector<int> views_;
  std::vector<Sample> samples_;
};

}  // namespace peer::trainer
