#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/report/aligned_text.h"
#include "trainer/report/close_look_text.h"
#include "trainer/report/report.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

using Row = TextRow;

Row numbers_row(const std::string& name, const std::vector<double>& values, std::string (*format)(double, int), int digits) {
  Row row = {name};
  for (double value : values) row.push_back(format(value, digits) + ' ');  // the space stands where a cell may have its mark
  return row;
}

std::string matrix_text(const RetentionMatrix& matrix, const RetentionNumbers& numbers, const std::vector<EquivalenceTest>& tests) {
  const std::size_t T = matrix.domains.size();
  std::vector<Row> rows = {{"after stage"}};
  for (const std::string& domain : matrix.domains) rows[0].push_back(printable(domain) + ' ');
  for (std::size_t stage = 0; stage < matrix.loss.size(); ++stage) {
    Row row = {fmt::format("{} {}", stage, printable(matrix.stages[stage]))};
    for (std::size_t column = 0; column < T; ++column)
      row.push_back(decimal(matrix.loss[stage][column]) + (stage == matrix.learnt[column] ? '*' : ' '));
    rows.push_back(std::move(row));
  }
  rows.push_back(Row(T + 1));
  rows.push_back(numbers_row("forgetting", numbers.forgetting, signed_decimal, 4));
  if (std::any_of(tests.begin(), tests.end(), [](const EquivalenceTest& test) { return test.documents > 0; })) {
    Row row = {fmt::format("within {}", kEquivalenceMargin)};
    for (const EquivalenceTest& test : tests) row.push_back((test.documents == 0 ? "-" : to_text(test.verdict)) + ' ');
    rows.push_back(std::move(row));
  }
  rows.push_back(numbers_row("retention", numbers.retention, decimal, 3));
  if (!std::isnan(numbers.plasticity_mean)) {
    rows.push_back(numbers_row("plasticity", numbers.plasticity, decimal, 3));
    rows.push_back(numbers_row("naive", matrix.naive, decimal, 3));
  }
  if (!std::isnan(numbers.stability_gap_max)) rows.push_back(numbers_row("stability gap", matrix.stability_gap, signed_decimal, 4));
  if (!std::isnan(numbers.intransigence_mean)) rows.push_back(numbers_row("intransigence", numbers.intransigence, signed_decimal, 4));
  return aligned(rows) + "* right after the domain was learnt\n";
}

std::string costs_text(const std::vector<StageCost>& costs) {
  std::vector<Row> rows = {{"cost", "time", "steps", "computed", "parameters added", "written", "memory", "old text"}};
  const auto add = [&](const StageCost& cost) {
    rows.push_back({printable(cost.stage), duration(cost.seconds), grouped(cost.steps), operations(cost.flops),
                    grouped(cost.parameters_added), byte_size(cost.bytes_written), byte_size(cost.peak_bytes),
                    byte_size(cost.old_text_bytes)});
  };
  for (const StageCost& cost : costs) add(cost);
  if (costs.size() > 1) add(total_cost(costs));
  return aligned(rows);
}

}  // namespace

std::string report_text(const ForgettingReport& report) {
  const std::size_t T = check_report(report);
  const RetentionNumbers numbers = derive(report.matrix);
  std::string text = "Bits per byte on held-out documents";
  if (!report.pool.empty()) text += " of " + printable(report.pool);
  text += "\n\n";
  if (T > 0) {
    text += matrix_text(report.matrix, numbers, report.equivalence) + '\n';
    for (const NamedNumber& number : named_numbers(numbers))
      text += fmt::format("{:<18} {:>8}   {}\n", number.name, number.value, number.meaning);
    text += '\n';
  }
  if (report.inside) text += close_look_text(*report.inside, report.matrix.domains);
  if (!report.costs.empty()) text += costs_text(report.costs) + '\n';
  for (const std::string& sentence : summary(report, numbers)) text += sentence + '\n';
  if (const auto missing = left_out(report, numbers); !missing.empty()) text += fmt::format("Not measured: {}\n", fmt::join(missing, "; "));
  if (!report.mixture.empty()) text += "Predictions: " + printable(report.mixture) + '\n';
  return text + std::string(kSigns) + '\n';
}

}  // namespace peer::trainer
