// A comparison for programs and for people with a browser; cli/comparison_table.h has it for a terminal.
#pragma once

#include <string>

#include "trainer/report/comparison.h"

namespace peer::trainer {

// {"domains", "baseline", "margin", "unit", "strategies": [{"name", "runs": [{"pool", "seed", "order", ...}], "new", "forgetting",
//  "average", "bwt": {"value", "documents": [low, high], "runs": [low, high], "difference": {"value", "documents", "runs", "verdict"}},
//  "forgetting_max", "kept_least_well", "plasticity", "parameters_added", "added_per_domain", "seconds", "bytes_written",
//  "flops", "peak_bytes", "old_text_bytes"}]}; null where there is none.
std::string comparison_json(const Comparison& comparison);
// strategy,number,value,low,high,runs_low,runs_high,difference,difference_low,difference_high,verdict (RFC 4180): a line a number.
std::string comparison_csv(const Comparison& comparison);
// One self-contained page: stability against plasticity as inline SVG, and the tables; no script and nothing to fetch; light and dark,
// phone and print.
std::string comparison_html(const Comparison& comparison);

}  // namespace peer::trainer
