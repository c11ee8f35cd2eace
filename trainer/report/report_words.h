// How a report speaks: the same figures, definitions and sentences on a terminal and on a page. Plain text, not escaped for markup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/evaluation/bootstrap.h"
#include "trainer/report/report.h"

namespace peer::trainer {

inline constexpr std::string_view kSigns =
    "Forgetting is positive when things got worse and transfer is positive when they got better; all in bits per byte, lower is better.";
inline constexpr std::string_view kForgettingRule =
    "Forgetting is the loss after the last stage minus the best after any earlier stage (Chaudhry et al. 2018); "
    "the state before the stream does not count, and neither does the last row, so that it can be negative.";
inline constexpr std::string_view kStabilityRule =
    "The stability gap is the worst that a domain was inside a later stage, minus what it was right after its own, both on a sample of its "
    "held-out documents (De Lange et al. 2023).";
inline constexpr std::string_view kCausalRule = "bits per byte lost when a view, and those that grew on it, are masked";
inline constexpr std::string_view kUsageRule =
    "share of a domain's gate mass, weighted by the mixture; on experts born before (reuse), in (novelty) and after (leakage) its own "
    "stage";
inline constexpr std::string_view kGridRule =
    "experts with any gate mass, experts that were ever a token's top pick, log E + sum z log z in nats (0: all get the same)";
inline constexpr std::string_view kOverlapRule =
    "Jensen-Shannon divergence of usage between halves of the documents, bits; diagonal: split-half control; second: experts shuffled";

// Fixed digits after the point; "-" for kMissing, and no sign on what rounds to zero.
std::string decimal(double value, int digits = 3);
std::string signed_decimal(double value, int digits = 4);
std::string grouped(std::int64_t value);       // 1,234,567
std::string duration(double seconds);          // 4.2 s, 3 min 05 s, 2 h 05 min
std::string operations(double flops);          // 1.2 TFLOP: powers of 1000
std::string byte_size(double bytes);           // 512 B, 1.5 MB: powers of 1000
std::string printable(std::string_view name);  // control characters, which could move a cursor or end a line, become '?'

// The number of domains T, after a check that everything in the report agrees with it.
std::size_t check_report(const ForgettingReport& report);

// The interval of a cell; kMissing ends when there is none.
Interval interval_of(const ForgettingReport& report, std::size_t stage, std::size_t column);
// The value of a cell relative to the one right after its domain was learnt.
double since_learnt(const RetentionMatrix& matrix, std::size_t stage, std::size_t column);

struct NamedNumber {
  std::string_view name;
  std::string value;
  std::string_view meaning;  // one line
};
std::vector<NamedNumber> named_numbers(const RetentionNumbers& numbers);

// What this report lacks, each with the option that adds it in brackets.
std::vector<std::string> left_out(const ForgettingReport& report, const RetentionNumbers& numbers);

// The key numbers in words, a sentence each.
std::vector<std::string> summary(const ForgettingReport& report, const RetentionNumbers& numbers);

}  // namespace peer::trainer
