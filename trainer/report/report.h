#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/close_look.h"
#include "trainer/evaluation/equivalence.h"
#include "trainer/evaluation/folding_cost.h"
#include "trainer/evaluation/retention.h"
#include "trainer/evaluation/stage_cost.h"

namespace peer::trainer {

struct ForgettingReport {
  std::string pool;
  std::string created;  // UTC
  RetentionMatrix matrix;
  std::vector<std::vector<Interval>> intervals;  // (S+1, T), 95 % of each cell; empty when unknown
  Interval mean_forgetting;                      // 95 % of the mean forgetting: paired, by documents; kMissing when unknown
  std::vector<EquivalenceTest> equivalence;      // T: of each domain's forgetting, against kEquivalenceMargin; empty when unknown
  std::vector<StageCost> costs;
  std::vector<Folding> foldings;    // stages that folded views into one, oldest first
  std::string mixture;              // one line: how predictions were made
  std::optional<CloseLook> inside;  // what reading the held-out text again tells; none when it was not asked for
};

// {"pool", "created", "domains", "stages", "matrix" (null where missing), "learnt" (the row right after each domain's own stage, null: none
// yet), "intervals" ([low, high], null where unknown), "naive",
//  "joint", "oracle", "final_average", "area", "forgetting": {"mean", "max", "by_domain", "low", "high", "margin"},
//  "equivalence": [{"documents", "change", "low", "high", "p_worse", "p_better", "verdict"}], "bwt", "fwt", "plasticity",
//  "plasticity_by_domain", "retention", "retention_by_domain", "intransigence": {"mean", "by_domain"}, "regret": {"own", "later",
//  "earlier"}, "stability_gap": {"mean", "max", "by_domain"}, "costs": [{"stage", "seconds", "steps", "parameters_added", "bytes_written",
//  "peak_bytes", "old_text_bytes", "flops"}],
//  "foldings": [{"into", "costs": [{"domain", "before", "after", "low", "high"}]}], "mixture", "usage", "causal_value", "documents"
//  (trainer/report/close_look_json.h; null without), "signs", "unit": "bits per byte"}, indented by two. Numbers at full precision; null
//  where there is none.
std::string report_json(const ForgettingReport& report);
// domain,stage,bits_per_byte,low,high,row (RFC 4180): one line a measured cell; low and high are empty when unknown, row is that of the
// matrix, since a stage's name may come back.
std::string report_csv(const ForgettingReport& report);
// The table for a terminal, ending with the sentence that says which sign is good.
std::string report_text(const ForgettingReport& report);
// One self-contained page: inline SVG and CSS, no script and nothing to fetch; light and dark, phone and print.
std::string report_html(const ForgettingReport& report);

}  // namespace peer::trainer
