#include "trainer/report/comparison_report.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "trainer/report/csv.h"

namespace peer::trainer {
namespace {

using Json = nlohmann::ordered_json;  // NaN is written as null

struct NamedEstimate {
  const char* name;
  Estimate GroupNumbers::*part;
};
constexpr NamedEstimate kNumbers[] = {{"new", &GroupNumbers::new_loss},
                                      {"forgetting", &GroupNumbers::forgetting},
                                      {"average", &GroupNumbers::final_average},
                                      {"bwt", &GroupNumbers::backward_transfer}};

Json to_json(const Interval& interval) { return std::isnan(interval.low) ? Json(nullptr) : Json::array({interval.low, interval.high}); }

Json to_json(const Estimate& estimate) {
  return {{"value", estimate.value}, {"documents", to_json(estimate.documents)}, {"runs", to_json(estimate.runs)}};
}

Json to_json(const ComparedRun& run) {
  Json domains = Json::array();
  for (const DomainCourse& domain : run.domains)
    domains.push_back({{"name", domain.name},
                       {"before", domain.before},
                       {"own", domain.own},
                       {"best", domain.best},
                       {"last", domain.last},
                       {"naive", domain.naive}});
  return {{"pool", run.pool}, {"seed", run.seed}, {"order", run.order()}, {"domains", domains}};
}

// Transfer is better when it rises: the verdict is about losses alone.
bool less_is_better(const NamedEstimate& number) { return number.part != &GroupNumbers::backward_transfer; }

}  // namespace

std::string comparison_json(const Comparison& comparison) {
  Json strategies = Json::array();
  for (const ComparedGroup& group : comparison.groups) {
    Json strategy = {{"name", group.name}, {"runs", Json::array()}};
    for (const ComparedRun& run : group.runs) strategy["runs"].push_back(to_json(run));
    for (const NamedEstimate& number : kNumbers) {
      Json json = to_json(group.numbers.*number.part);
      Json difference = to_json(group.difference.*number.part);
      if (less_is_better(number)) difference["verdict"] = in_words(standing_of(group.difference.*number.part));
      json["difference"] = std::move(difference);
      strategy[number.name] = std::move(json);
    }
    strategy["forgetting_max"] = group.forgetting_max;
    strategy["kept_least_well"] = group.kept_least_well;
    strategy["plasticity"] = group.plasticity;
    strategy["parameters_added"] = group.parameters_added;
    strategy["added_per_domain"] = group.added_per_domain;
    strategy["seconds"] = group.seconds;
    strategy["bytes_written"] = group.bytes_written;
    strategy["flops"] = group.flops;
    strategy["peak_bytes"] = group.peak_bytes;
    strategy["old_text_bytes"] = group.old_text_bytes;
    strategies.push_back(std::move(strategy));
  }
  const Json json = {{"domains", comparison.domains},
                     {"baseline", comparison.groups[comparison.baseline].name},
                     {"margin", kEquivalenceMargin},
                     {"unit", "bits per byte"},
                     {"strategies", strategies}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string comparison_csv(const Comparison& comparison) {
  std::string csv = "strategy,number,value,low,high,runs_low,runs_high,difference,difference_low,difference_high,verdict\n";
  for (const ComparedGroup& group : comparison.groups) {
    for (const NamedEstimate& number : kNumbers) {
      const Estimate& value = group.numbers.*number.part;
      const Estimate& difference = group.difference.*number.part;
      const bool judged = less_is_better(number) && standing_of(difference) != Standing::kUnknown;
      csv += fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", csv_field(group.name), number.name, csv_number(value.value),
                         csv_number(value.documents.low), csv_number(value.documents.high), csv_number(value.runs.low),
                         csv_number(value.runs.high), csv_number(difference.value), csv_number(difference.documents.low),
                         csv_number(difference.documents.high), judged ? in_words(standing_of(difference)) : "");
    }
    const std::pair<const char*, double> costs[] = {{"forgetting_max", group.forgetting_max},
                                                    {"plasticity", group.plasticity},
                                                    {"parameters_added", group.parameters_added},
                                                    {"seconds", group.seconds},
                                                    {"bytes_written", group.bytes_written},
                                                    {"flops", group.flops},
                                                    {"peak_bytes", group.peak_bytes},
                                                    {"old_text_bytes", group.old_text_bytes}};
    for (const auto& [name, value] : costs) csv += fmt::format("{},{},{},,,,,,,,\n", csv_field(group.name), name, csv_number(value));
  }
  return csv;
}

}  // namespace peer::trainer
