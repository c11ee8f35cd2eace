// Runs side by side on the same held-out documents. Runs of one name (seeds, orders) form a group; every number is a mean over the group's
// runs, and every difference is to the baseline group.
//
// Two intervals stand beside each other, because they answer different questions: over documents (paired bootstrap: would other documents
// of these domains say the same of these runs?) and over runs (t: would other seeds and orders?).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/evaluation/document_sum.h"
#include "trainer/evaluation/equivalence.h"
#include "trainer/report/compared_run.h"

namespace peer::trainer {

struct Estimate {
  double value = kMissing;
  Interval documents;               // 95 %, bootstrap over documents
  Interval runs;                    // 95 %, t over runs; kMissing for a single one
  std::vector<double> by_run = {};  // what `runs` is of: the number of each run, or of each pair of runs
};

// Both intervals together: from the lower of their lows to the higher of their highs.
Interval widest(const Estimate& estimate);

// Of a difference to the baseline, in which less is better, by its widest interval. Equal: two one-sided tests at 2.5 %, that is, the whole
// interval lies within the margin; it comes first, because a difference may be beyond doubt and still not matter.
enum class Standing { kUnknown, kEqual, kBetter, kWorse, kUndecided };
Standing standing_of(const Estimate& difference);
std::string_view in_words(Standing standing);

// new loss: mean over the domains after the first, right after their own stage. forgetting: mean over the older domains (retention.h).
struct GroupNumbers {
  Estimate new_loss, forgetting, final_average, backward_transfer;
};

struct ComparedGroup {
  std::string name;
  std::vector<ComparedRun> runs;
  GroupNumbers numbers;
  double forgetting_max = kMissing;  // of the domain that was kept least well, in any run
  std::string kept_least_well;       // that domain
  double plasticity = kMissing;      // gain in the own stage as a share of the naive copy's, where one was trained
  GroupNumbers difference;           // to the baseline's; of the baseline itself: missing
  // Means over runs.
  double seconds = 0, parameters_added = 0, flops = 0, bytes_written = 0, peak_bytes = 0, old_text_bytes = 0;
  double added_per_domain = 0;  // parameters added for each domain after the first, foldings included, as a share of the base's
};

struct Comparison {
  std::vector<std::string> domains;  // by name
  std::vector<ComparedGroup> groups;
  std::size_t baseline = 0;
};

// `baseline`: a group's name; empty: the first. UsageError when the runs have not learnt the same domains, when a domain's held-out
// documents differ, or when there is no such group.
Comparison compare(std::vector<ComparedRun> runs, const std::string& baseline, int draws = kBootstrapDraws);

// Group `a`'s numbers minus group `b`'s, paired by documents, and by order and seed where both have the same.
GroupNumbers difference_of(const ComparedGroup& a, const ComparedGroup& b, int draws = kBootstrapDraws);

}  // namespace peer::trainer
