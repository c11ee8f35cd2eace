#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/retention.h"

namespace peer::trainer {

struct StageCost {
  std::string stage;  // as in RetentionMatrix::stages
  double seconds = 0;
  std::int64_t steps = 0, parameters_added = 0, bytes_written = 0;
};

struct ForgettingReport {
  std::string pool;
  std::string created;  // UTC
  RetentionMatrix matrix;
  std::vector<std::vector<Interval>> intervals;  // (T+1, T), 95 % of each cell; empty when unknown
  Interval mean_forgetting;                      // 95 % of the mean forgetting: paired, by documents; kMissing when unknown
  std::vector<StageCost> costs;
  std::string mixture;  // one line: how predictions were made
};

// {"pool", "created", "domains", "stages", "matrix" (null where missing), "intervals" ([low, high], null where unknown), "naive",
//  "final_average", "forgetting": {"mean", "max", "by_domain", "low", "high", "margin"}, "bwt", "fwt", "plasticity",
//  "plasticity_by_domain", "retention", "retention_by_domain", "costs": [{"stage", "seconds", "steps", "parameters_added",
//  "bytes_written"}], "mixture", "signs", "unit": "bits per byte"}, indented by two. Numbers at full precision; null where there is none.
std::string report_json(const ForgettingReport& report);
// domain,stage,bits_per_byte,low,high (RFC 4180): one line a measured cell; low and high are empty when unknown.
std::string report_csv(const ForgettingReport& report);
// The table for a terminal, ending with the sentence that says which sign is good.
std::string report_text(const ForgettingReport& report);
// One self-contained page: inline SVG and CSS, no script and nothing to fetch; light and dark, phone and print.
std::string report_html(const ForgettingReport& report);

}  // namespace peer::trainer
