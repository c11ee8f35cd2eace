#include "trainer/report/report_words.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <span>

#include "peer/base/counted.h"
#include "peer/base/require.h"

namespace peer::trainer {
namespace {

bool rounds_to_zero(const std::string& text) { return text.find_first_of("123456789") == std::string::npos; }

// Forgetting as one would say it: "0.0012 bits per byte worse than at its best".
std::string against_best(double forgetting) {
  const std::string size = decimal(std::abs(forgetting), 4);
  if (rounds_to_zero(size)) return "as good as at its best";
  return fmt::format("{} bits per byte {} than at its best", size, forgetting > 0 ? "worse" : "better");
}

std::string percent(double share) { return decimal(100 * share, 1) + " %"; }

std::string forgetting_sentence(const std::vector<std::string>& domains, const RetentionNumbers& numbers) {
  std::size_t measured = 0, worst = 0;
  for (std::size_t j = 0; j < domains.size(); ++j) {
    if (std::isnan(numbers.forgetting[j])) continue;
    if (measured == 0 || numbers.forgetting[j] > numbers.forgetting[worst]) worst = j;
    ++measured;
  }
  if (measured == 0) return "What it has forgotten was not measured.";
  const std::string name = printable(domains[worst]);
  if (measured == 1) return fmt::format("On {} it is now {}.", name, against_best(numbers.forgetting[worst]));
  return fmt::format("On the {} older domains it is now, on average, {}; on {}, kept least well, {}.", measured,
                     against_best(numbers.forgetting_mean), name, signed_decimal(numbers.forgetting[worst]));
}

std::string equivalence_sentence(const Interval& mean) {
  const bool claimed = mean.high <= kEquivalenceMargin;
  return fmt::format(
      "With 95 % confidence the average forgetting lies between {} and {}: {} {}, so it can {}be claimed that nothing was forgotten.",
      signed_decimal(mean.low), signed_decimal(mean.high), claimed ? "below" : "not below", kEquivalenceMargin, claimed ? "" : "not ");
}

// Empty where every older domain has documents enough.
std::string few_documents_sentence(const ForgettingReport& report) {
  for (std::size_t j = 0; j < report.equivalence.size(); ++j)
    if (const std::size_t documents = report.equivalence[j].documents; documents > 0 && documents < kFewestDocuments)
      return fmt::format("{} is scored on {}; from fewer than {} nothing is claimed (--eval-bytes, when it is first learnt, keeps more).",
                         printable(report.matrix.domains[j]), counted(static_cast<std::int64_t>(documents), "document"), kFewestDocuments);
  return "";
}

std::string folding_sentence(const Folding& folding) {
  std::vector<std::string> costs;
  for (const FoldingCost& c : folding.costs)
    costs.push_back(fmt::format("{} {} ({})", printable(c.domain), signed_decimal(c.after - c.before),
                                std::isnan(c.difference.low)
                                    ? "one document"  // which says nothing about spread
                                    : fmt::format("{} to {}", signed_decimal(c.difference.low), signed_decimal(c.difference.high))));
  return fmt::format("Folding views into {} changed, in bits per byte with 95 %: {}.", folding.into, fmt::join(costs, ", "));
}

}  // namespace

std::string decimal(double value, int digits) {
  if (std::isnan(value)) return "-";
  std::string text = fmt::format("{:.{}f}", value, digits);
  if (text.front() == '-' && rounds_to_zero(text)) text.erase(0, 1);
  return text;
}

std::string signed_decimal(double value, int digits) {
  const std::string text = decimal(value, digits);
  return value > 0 && !rounds_to_zero(text) ? '+' + text : text;
}

std::string grouped(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first_digit = value < 0 ? 1 : 0;
  for (std::size_t place = text.size(); place > first_digit + 3;) text.insert(place -= 3, 1, ',');
  return text;
}

std::string duration(double seconds) {
  if (std::isnan(seconds)) return "-";
  if (seconds < 59.95) return decimal(seconds, 1) + " s";
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

namespace {

// `decimals` of a unit that was not scaled.
std::string scaled(double amount, std::span<const std::string_view> units, int decimals) {
  if (std::isnan(amount)) return "-";
  std::size_t unit = 0;
  while (amount >= 999.95 && unit + 1 < units.size()) amount /= 1000, ++unit;
  return fmt::format("{} {}", decimal(amount, unit == 0 ? decimals : 1), units[unit]);
}

}  // namespace

std::string operations(double flops) {
  constexpr std::array<std::string_view, 4> kUnits = {"GFLOP", "TFLOP", "PFLOP", "EFLOP"};
  return scaled(flops / 1e9, kUnits, 1);
}

std::string byte_size(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  return scaled(bytes, kUnits, 0);
}

std::string printable(std::string_view name) {
  std::string text(name);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text;
}

std::size_t check_report(const ForgettingReport& report) {
  check_shape(report.matrix);
  const std::size_t T = report.matrix.domains.size();
  require(report.intervals.empty() || report.intervals.size() == report.matrix.loss.size(),
          "report: intervals must have a row for each stage, or none");
  for (const auto& row : report.intervals) require(row.size() == T, "report: each row of intervals must have a cell for each domain");
  require(report.equivalence.empty() || report.equivalence.size() == T, "report: equivalence must have a test for each domain, or none");
  return T;
}

Interval interval_of(const ForgettingReport& report, std::size_t stage, std::size_t column) {
  return stage < report.intervals.size() ? report.intervals[stage][column] : Interval{};
}

double since_learnt(const RetentionMatrix& matrix, std::size_t stage, std::size_t column) {
  return matrix.at(stage, column) - matrix.at(matrix.learnt[column], column);
}

std::vector<NamedNumber> named_numbers(const RetentionNumbers& numbers) {
  std::vector<NamedNumber> all = {
      {"forgetting, mean", signed_decimal(numbers.forgetting_mean), "loss now above the best it was after an earlier stage, older domains"},
      {"forgetting, max", signed_decimal(numbers.forgetting_max), "the same for the older domain that was kept least well"},
      {"backward transfer", signed_decimal(numbers.backward_transfer), "what later stages gave the older domains since each was learnt"},
      {"forward transfer", signed_decimal(numbers.forward_transfer), "what earlier stages gave a domain before its own"},
      {"plasticity", decimal(numbers.plasticity_mean), "gain in the own stage as a share of naive fine-tuning's; 1: learns as much"},
      {"retention", decimal(numbers.retention_mean), "share of an older domain's gain in its own stage that is still there; 1: keeps all"},
      {"final average", decimal(numbers.final_average), "bits per byte after the last stage, averaged over domains"},
      {"area", decimal(numbers.area), "bits per byte of the domains seen so far, averaged over stages"},
  };
  const auto add_measured = [&](const NamedNumber& number) {
    if (number.value != "-") all.push_back(number);
  };
  add_measured(
      {"stability gap", signed_decimal(numbers.stability_gap_mean), "worst inside later stages above right after learning, on a sample"});
  add_measured({"stability gap, max", signed_decimal(numbers.stability_gap_max), "the same for the domain with the largest"});
  add_measured({"intransigence", signed_decimal(numbers.intransigence_mean),
                "loss right after learning above joint training on all domains so far"});
  add_measured(
      {"regret, own stage", signed_decimal(numbers.regret_own), "loss above a model trained for the domain, right after learning"});
  add_measured({"regret, later", signed_decimal(numbers.regret_later), "the same after later stages: what was kept"});
  add_measured({"regret, earlier", signed_decimal(numbers.regret_earlier), "the same after earlier stages: not learnt yet"});
  return all;
}

std::vector<std::string> left_out(const ForgettingReport& report, const RetentionNumbers& numbers) {
  std::vector<std::string> lines;
  if (report.matrix.domains.empty()) return lines;
  const auto lacks = [&](bool missing, const char* line) {
    if (missing) lines.emplace_back(line);
  };
  lacks(!report.inside, "expert usage, causal value and mixture weights (forgetting --usage)");
  lacks(std::isnan(numbers.plasticity_mean), "plasticity (stream --reference naive)");
  lacks(report.matrix.any_older() && std::isnan(numbers.stability_gap_max), "stability gap (stream --eval-every N)");
  lacks(std::isnan(numbers.intransigence_mean), "intransigence (forgetting --joint POOL)");
  lacks(std::isnan(numbers.regret_own), "regret (forgetting --oracle POOL...)");
  return lines;
}

std::vector<std::string> summary(const ForgettingReport& report, const RetentionNumbers& numbers) {
  const auto& domains = report.matrix.domains;
  if (domains.empty()) return {"No domain has been learnt yet, so there is nothing to measure."};
  const std::string average = decimal(numbers.final_average);
  const std::size_t stages = report.matrix.last();
  const std::string after = stages == 1 ? "After one stage" : fmt::format("After {} stages", stages);
  std::vector<std::string> sentences = {
      domains.size() == 1
          ? fmt::format("{} the model predicts {} at {} bits per byte.", after, printable(domains[0]), average)
          : fmt::format("{} the model predicts its {} domains at {} bits per byte on average.", after, domains.size(), average)};
  if (!report.matrix.any_older()) {
    sentences.emplace_back("With no stage after a domain's own nothing can have been forgotten yet.");
    return sentences;
  }
  sentences.push_back(forgetting_sentence(domains, numbers));
  if (const std::string few = few_documents_sentence(report); !few.empty())
    sentences.push_back(few);
  else if (!std::isnan(report.mean_forgetting.high))
    sentences.push_back(equivalence_sentence(report.mean_forgetting));
  if (!std::isnan(numbers.retention_mean))
    sentences.push_back(
        numbers.retention_mean >= 0
            ? fmt::format("Of what the older domains gained in their own stages, {} remains.", percent(numbers.retention_mean))
            : "Of what the older domains gained in their own stages nothing remains: they are worse than before them.");
  if (!std::isnan(numbers.plasticity_mean))
    sentences.push_back(fmt::format("In its own stage a domain comes {} as far as with naive fine-tuning of the whole model.",
                                    percent(numbers.plasticity_mean)));
  for (const Folding& folding : report.foldings) sentences.push_back(folding_sentence(folding));
  return sentences;
}

}  // namespace peer::trainer
