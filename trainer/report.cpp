#include "trainer/report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/report_words.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::ordered_json;  // keys in the order in which a reader wants them; NaN is written as null

Json intervals_json(const ForgettingReport& report) {
  Json rows = Json::array();
  for (const auto& row : report.intervals) {
    Json cells = Json::array();
    for (const Interval& interval : row)
      cells.push_back(std::isnan(interval.low) ? Json(nullptr) : Json::array({interval.low, interval.high}));
    rows.push_back(std::move(cells));
  }
  return rows;
}

Json costs_json(const std::vector<StageCost>& costs) {
  Json list = Json::array();
  for (const StageCost& cost : costs)
    list.push_back({{"stage", cost.stage},
                    {"seconds", cost.seconds},
                    {"steps", cost.steps},
                    {"parameters_added", cost.parameters_added},
                    {"bytes_written", cost.bytes_written}});
  return list;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

std::string csv_number(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

}  // namespace

std::string report_json(const ForgettingReport& report) {
  check_report(report);
  const RetentionMatrix& matrix = report.matrix;
  const RetentionNumbers numbers = derive(matrix);
  Json json;
  json["pool"] = report.pool;
  json["created"] = report.created;
  json["domains"] = matrix.domains;
  json["stages"] = matrix.stages;
  json["matrix"] = matrix.loss;
  json["intervals"] = intervals_json(report);
  json["naive"] = matrix.naive.empty() ? std::vector<double>(matrix.domains.size(), kMissing) : matrix.naive;
  json["final_average"] = numbers.final_average;
  json["forgetting"] = {{"mean", numbers.forgetting_mean},   {"max", numbers.forgetting_max},       {"by_domain", numbers.forgetting},
                        {"low", report.mean_forgetting.low}, {"high", report.mean_forgetting.high}, {"margin", kForgettingMargin}};
  json["bwt"] = numbers.backward_transfer;
  json["fwt"] = numbers.forward_transfer;
  json["plasticity"] = numbers.plasticity_mean;
  json["plasticity_by_domain"] = numbers.plasticity;
  json["retention"] = numbers.retention_mean;
  json["retention_by_domain"] = numbers.retention;
  json["costs"] = costs_json(report.costs);
  json["mixture"] = report.mixture;
  json["signs"] = kSigns;
  json["unit"] = "bits per byte";
  // A name need not be UTF-8, JSON must: what is not becomes U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string report_csv(const ForgettingReport& report) {
  const std::size_t T = check_report(report);
  const RetentionMatrix& matrix = report.matrix;
  std::string csv = "domain,stage,bits_per_byte,low,high\n";
  for (std::size_t column = 0; column < T; ++column)
    for (std::size_t stage = 0; stage <= T; ++stage) {
      if (std::isnan(matrix.loss[stage][column])) continue;
      const Interval interval = interval_of(report, stage, column);
      csv += fmt::format("{},{},{},{},{}\n", csv_field(matrix.domains[column]), csv_field(matrix.stages[stage]),
                         csv_number(matrix.loss[stage][column]), csv_number(interval.low), csv_number(interval.high));
    }
  return csv;
}

}  // namespace peer::trainer
