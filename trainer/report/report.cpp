#include "trainer/report/report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "trainer/report/close_look_json.h"
#include "trainer/report/csv.h"
#include "trainer/report/report_words.h"

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
                    {"bytes_written", cost.bytes_written},
                    {"peak_bytes", cost.peak_bytes},
                    {"old_text_bytes", cost.old_text_bytes},
                    {"flops", cost.flops}});
  return list;
}

Json foldings_json(const std::vector<Folding>& foldings) {
  Json list = Json::array();
  for (const Folding& folding : foldings) {
    Json costs = Json::array();
    for (const FoldingCost& c : folding.costs)
      costs.push_back(
          {{"domain", c.domain}, {"before", c.before}, {"after", c.after}, {"low", c.difference.low}, {"high", c.difference.high}});
    list.push_back({{"into", folding.into}, {"costs", costs}});
  }
  return list;
}

Json equivalence_json(const std::vector<EquivalenceTest>& tests) {
  Json list = Json::array();
  for (const EquivalenceTest& test : tests) {
    if (test.documents == 0) {
      list.push_back(nullptr);
      continue;
    }
    list.push_back({{"documents", test.documents},
                    {"change", test.change},
                    {"low", test.interval.low},
                    {"high", test.interval.high},
                    {"p_worse", test.p_worse},
                    {"p_better", test.p_better},
                    {"verdict", to_text(test.verdict)}});
  }
  return list;
}

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
  for (const std::size_t stage : matrix.learnt) json["learnt"].push_back(stage <= matrix.last() ? Json(stage) : Json(nullptr));
  json["intervals"] = intervals_json(report);
  const auto beside = [&](const std::vector<double>& column) {
    return column.empty() ? std::vector<double>(matrix.domains.size(), kMissing) : column;
  };
  json["naive"] = beside(matrix.naive);
  json["joint"] = beside(matrix.joint);
  json["oracle"] = beside(matrix.oracle);
  json["final_average"] = numbers.final_average;
  json["area"] = numbers.area;
  json["forgetting"] = {{"mean", numbers.forgetting_mean},   {"max", numbers.forgetting_max},       {"by_domain", numbers.forgetting},
                        {"low", report.mean_forgetting.low}, {"high", report.mean_forgetting.high}, {"margin", kEquivalenceMargin}};
  json["equivalence"] = equivalence_json(report.equivalence);
  json["bwt"] = numbers.backward_transfer;
  json["fwt"] = numbers.forward_transfer;
  json["plasticity"] = numbers.plasticity_mean;
  json["plasticity_by_domain"] = numbers.plasticity;
  json["retention"] = numbers.retention_mean;
  json["retention_by_domain"] = numbers.retention;
  json["intransigence"] = {{"mean", numbers.intransigence_mean}, {"by_domain", numbers.intransigence}};
  json["regret"] = {{"own", numbers.regret_own}, {"later", numbers.regret_later}, {"earlier", numbers.regret_earlier}};
  json["stability_gap"] = {
      {"mean", numbers.stability_gap_mean}, {"max", numbers.stability_gap_max}, {"by_domain", beside(matrix.stability_gap)}};
  json["costs"] = costs_json(report.costs);
  json["foldings"] = foldings_json(report.foldings);
  json["mixture"] = report.mixture;
  json["usage"] = report.inside ? usage_json(*report.inside, matrix.domains) : Json(nullptr);
  json["causal_value"] = report.inside ? causal_json(*report.inside) : Json(nullptr);
  json["documents"] = report.inside ? documents_json(*report.inside) : Json(nullptr);
  json["signs"] = kSigns;
  json["unit"] = "bits per byte";
  // A name need not be UTF-8, JSON must: what is not becomes U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string report_csv(const ForgettingReport& report) {
  const std::size_t T = check_report(report);
  const RetentionMatrix& matrix = report.matrix;
  std::string csv = "domain,stage,bits_per_byte,low,high,row\n";
  for (std::size_t column = 0; column < T; ++column)
    for (std::size_t stage = 0; stage < matrix.loss.size(); ++stage) {
      if (std::isnan(matrix.loss[stage][column])) continue;
      const Interval interval = interval_of(report, stage, column);
      csv += fmt::format("{},{},{},{},{},{}\n", csv_field(matrix.domains[column]), csv_field(matrix.stages[stage]),
                         csv_number(matrix.loss[stage][column]), csv_number(interval.low), csv_number(interval.high), stage);
    }
  return csv;
}

}  // namespace peer::trainer
