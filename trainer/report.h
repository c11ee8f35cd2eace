#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/retention.h"

namespace peer::trainer {

struct StageCost {
  std::string stage;             // as in RetentionMatrix::stages
  double seconds = 0;
  std::int64_t steps = 0, parameters_added = 0, bytes_written = 0;
};

struct ForgettingReport {
  std::string pool;
  std::string created;                            // UTC
  RetentionMatrix matrix;
  std::vector<std::vector<Interval>> intervals;   // (T+1, T), 95 % of each cell; empty when unknown
  std::vector<StageCost> costs;
  std::string mixture;                            // one line: how predictions were made
};

// {"domains", "stages", "matrix" (null where missing), "forgetting": {"mean", "max", "by_domain"}, "bwt", "fwt", "plasticity",
//  "retention", "naive", "final_average", "unit": "bits per byte"}
std::string report_json(const ForgettingReport& report);
// domain,stage,bits_per_byte,low,high: one line a measured cell.
std::string report_csv(const ForgettingReport& report);
// The table for a terminal, ending with the sentence that says which sign is good.
std::string report_text(const ForgettingReport& report);
// One self-contained page: inline SVG and CSS, no script from elsewhere, light and dark, phone and print.
std::string report_html(const ForgettingReport& report);

}  // namespace peer::trainer
