#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/report.h"
#include "trainer/report_words.h"

namespace peer::trainer {
namespace {

using Row = std::vector<std::string>;

// Characters, not bytes: bytes 10xxxxxx continue one.
std::size_t width_of(const std::string& text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// The first column to the left, numbers to the right.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - width_of(row[c]), ' ');
      line += c == 0 ? row[c] + padding : "  " + padding + row[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

Row numbers_row(const std::string& name, const std::vector<double>& values, std::string (*format)(double, int), int digits) {
  Row row = {name};
  for (double value : values) row.push_back(format(value, digits) + ' ');  // the space stands where a cell may have its mark
  return row;
}

std::string matrix_text(const RetentionMatrix& matrix, const RetentionNumbers& numbers) {
  const std::size_t T = matrix.domains.size();
  std::vector<Row> rows = {{"after stage"}};
  for (const std::string& domain : matrix.domains) rows[0].push_back(printable(domain) + ' ');
  for (std::size_t stage = 0; stage <= T; ++stage) {
    Row row = {fmt::format("{} {}", stage, printable(matrix.stages[stage]))};
    for (std::size_t column = 0; column < T; ++column)
      row.push_back(decimal(matrix.loss[stage][column]) + (stage == column + 1 ? '*' : ' '));
    rows.push_back(std::move(row));
  }
  rows.push_back(Row(T + 1));
  rows.push_back(numbers_row("forgetting", numbers.forgetting, signed_decimal, 4));
  rows.push_back(numbers_row("retention", numbers.retention, decimal, 3));
  if (!std::isnan(numbers.plasticity_mean)) {
    rows.push_back(numbers_row("plasticity", numbers.plasticity, decimal, 3));
    rows.push_back(numbers_row("naive", matrix.naive, decimal, 3));
  }
  return aligned(rows) + "* right after the domain was learnt\n";
}

std::string costs_text(const std::vector<StageCost>& costs) {
  std::vector<Row> rows = {{"cost", "time", "steps", "parameters added", "written"}};
  const auto add = [&](const StageCost& cost) {
    rows.push_back({printable(cost.stage), duration(cost.seconds), grouped(cost.steps), grouped(cost.parameters_added),
                    byte_size(cost.bytes_written)});
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
    text += matrix_text(report.matrix, numbers) + '\n';
    for (const NamedNumber& number : named_numbers(numbers))
      text += fmt::format("{:<18} {:>8}   {}\n", number.name, number.value, number.meaning);
    text += '\n';
  }
  if (!report.costs.empty()) text += costs_text(report.costs) + '\n';
  for (const std::string& sentence : summary(report, numbers)) text += sentence + '\n';
  if (!report.mixture.empty()) text += "Predictions: " + printable(report.mixture) + '\n';
  return text + std::string(kSigns) + '\n';
}

}  // namespace peer::trainer
