#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "trainer/report/close_look_html.h"
#include "trainer/report/curve.h"
#include "trainer/report/heat_map.h"
#include "trainer/report/markup.h"
#include "trainer/report/report.h"
#include "trainer/report/report_style.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

// The policy forbids scripts and requests: the page cannot call home whatever its names contain.
std::string head(const ForgettingReport& report) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
      "<title>Forgetting report: {}</title>\n<style>{}</style>\n</head>\n",
      escaped(report.pool), kReportStyle);
}

std::string key_figure(const char* name, const std::string& value, const char* note, const char* missing = "not measured") {
  return fmt::format("<div><dt>{}<small>{}</small></dt><dd>{}</dd></div>\n", name, value == "-" ? missing : note, figure(value));
}

std::string opening(const ForgettingReport& report, const RetentionNumbers& numbers) {
  std::string about = report.pool;
  if (!report.created.empty()) about += (about.empty() ? "" : " · ") + report.created;
  std::string lead;
  for (const std::string& sentence : summary(report, numbers)) lead += (lead.empty() ? "" : " ") + sentence;
  std::string html = fmt::format("<header>\n<h1>Forgetting report</h1>\n<p class=\"about\">{}</p>\n<p class=\"lead\">{}</p>\n",
                                 escaped(about), escaped(lead));
  if (!report.matrix.any_older()) return html + "</header>\n";  // the figures below compare stages
  html += "<dl class=\"key\">\n";
  html += key_figure("forgetting, mean", signed_decimal(numbers.forgetting_mean), "bits per byte");
  html += key_figure("forgetting, max", signed_decimal(numbers.forgetting_max), "bits per byte");
  html += key_figure("retention", decimal(numbers.retention_mean), "1 keeps all that was gained");
  html += key_figure("plasticity", decimal(numbers.plasticity_mean), "1 learns as much as naive", "needs a naive run");
  return html + "</dl>\n</header>\n";
}

std::string curves(const ForgettingReport& report) {
  const RetentionMatrix& matrix = report.matrix;
  const std::size_t T = matrix.domains.size();
  const LossScale scale = loss_scale(report);
  std::string html =
      "<section>\n<h2>Each domain over time</h2>\n"
      "<p class=\"note\">Bits per byte by stage, numbered as above, on one scale. Dotted: before the domain was learnt. "
      "Ring: right after; the bar to its left is naive fine-tuning. Shade: 95 % interval over documents.</p>\n"
      "<div class=\"curves\">\n";
  for (std::size_t column = 0; column < T; ++column) {
    std::string course = fmt::format("{} when learnt", figure(decimal(matrix.at(matrix.learnt[column], column))));
    if (matrix.older(column))
      course += fmt::format(", {} now ({})", figure(decimal(matrix.at(matrix.last(), column))),
                            figure(signed_decimal(since_learnt(matrix, matrix.last(), column))));
    html += fmt::format("<figure><figcaption><b>{}</b><span>{}</span></figcaption>\n{}</figure>\n", escaped(matrix.domains[column]), course,
                        curve(report, scale, column));
  }
  return html + "</div>\n</section>\n";
}

std::string with_interval(const ForgettingReport& report, std::size_t stage, std::size_t column) {
  const Interval interval = interval_of(report, stage, column);
  std::string html = figure(decimal(report.matrix.at(stage, column)));
  if (!std::isnan(interval.low)) html += fmt::format("<small>{} to {}</small>", decimal(interval.low), decimal(interval.high));
  return html;
}

std::string with_verdict(const ForgettingReport& report, double forgetting, std::size_t column) {
  std::string html = figure(signed_decimal(forgetting));
  if (report.equivalence.empty() || report.equivalence[column].documents == 0) return html;
  const EquivalenceTest& test = report.equivalence[column];
  const std::string hint = fmt::format("{} documents; 90 %: {} to {}; p (worse by the margin) {}, p (better) {}", test.documents,
                                       signed_decimal(test.interval.low), signed_decimal(test.interval.high), decimal(test.p_worse, 4),
                                       decimal(test.p_better, 4));
  return html + fmt::format("<small title=\"{}\">{}</small>", hint, to_text(test.verdict));
}

struct DomainColumn {
  const char* title;
  std::function<std::string(std::size_t domain)> cell;
};

// Columns that nothing was measured for are left out; the page says at its end how to get them.
std::vector<DomainColumn> domain_columns(const ForgettingReport& report, const RetentionNumbers& numbers) {
  const RetentionMatrix& matrix = report.matrix;
  std::vector<DomainColumn> columns = {{"when learnt", [&](std::size_t j) { return with_interval(report, matrix.learnt[j], j); }},
                                       {"now", [&](std::size_t j) { return with_interval(report, matrix.last(), j); }},
                                       {"forgetting", [&](std::size_t j) { return with_verdict(report, numbers.forgetting[j], j); }},
                                       {"retention", [&](std::size_t j) { return figure(decimal(numbers.retention[j])); }}};
  const auto add = [&](double measured, const char* title, const std::vector<double>& values, std::string (*format)(double, int),
                       int digits) {
    if (!std::isnan(measured))
      columns.push_back({title, [&values, format, digits](std::size_t j) { return figure(format(values[j], digits)); }});
  };
  add(numbers.plasticity_mean, "plasticity", numbers.plasticity, decimal, 3);
  add(numbers.plasticity_mean, "naive", matrix.naive, decimal, 3);
  add(numbers.stability_gap_max, "stability gap", matrix.stability_gap, signed_decimal, 4);
  add(numbers.intransigence_mean, "intransigence", numbers.intransigence, signed_decimal, 4);
  add(numbers.regret_own, "oracle", matrix.oracle, decimal, 3);
  return columns;
}

std::string domains_table(const ForgettingReport& report, const RetentionNumbers& numbers) {
  const std::vector<DomainColumn> columns = domain_columns(report, numbers);
  std::string html = fmt::format(
      "<section>\n<h2>Domain by domain</h2>\n<p class=\"note\">In bits per byte; small figures are 95 % intervals over documents, and what "
      "two one-sided tests say of forgetting against a margin of {}.</p>\n"
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Numbers by domain\"><table class=\"plain\">\n<thead><tr>"
      "<th scope=\"col\">domain</th>",
      kEquivalenceMargin);
  for (const DomainColumn& column : columns) html += fmt::format("<th scope=\"col\">{}</th>", column.title);
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t j = 0; j < report.matrix.domains.size(); ++j) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escaped(report.matrix.domains[j]));
    for (const DomainColumn& column : columns) html += "<td>" + column.cell(j) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n</section>\n";
}

std::string numbers_table(const RetentionNumbers& numbers) {
  std::string html =
      "<section>\n<h2>The numbers</h2>\n<table class=\"plain numbers\">\n<thead><tr>"
      "<th scope=\"col\">number</th><th scope=\"col\">value</th><th scope=\"col\" class=\"words\">meaning</th></tr></thead>\n<tbody>\n";
  for (const NamedNumber& number : named_numbers(numbers))
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"words\">{}</td></tr>\n", escaped(number.name),
                        figure(number.value), escaped(number.meaning));
  return html + "</tbody></table>\n</section>\n";
}

std::string cost_row(const StageCost& cost) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                     escaped(cost.stage), duration(cost.seconds), grouped(cost.steps), operations(cost.flops),
                     grouped(cost.parameters_added), byte_size(cost.bytes_written), byte_size(cost.peak_bytes),
                     byte_size(cost.old_text_bytes));
}

std::string costs_table(const std::vector<StageCost>& costs) {
  if (costs.empty()) return "";
  std::string html =
      "<section>\n<h2>What it cost</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Costs by stage\">"
      "<table class=\"plain\">\n<thead><tr><th scope=\"col\">stage</th><th scope=\"col\">time</th><th scope=\"col\">steps</th>"
      "<th scope=\"col\">computed</th><th scope=\"col\">parameters added</th><th scope=\"col\">written to disk</th><th "
      "scope=\"col\">memory</th>"
      "<th scope=\"col\">old text kept</th></tr></thead>\n<tbody>\n";
  for (const StageCost& cost : costs) html += cost_row(cost);
  html += "</tbody>\n";
  if (costs.size() > 1) html += "<tfoot>" + cost_row(total_cost(costs)) + "</tfoot>\n";
  return html + "</table></div>\n</section>\n";
}

std::string closing(const ForgettingReport& report, const RetentionNumbers& numbers) {
  std::string html = fmt::format("<footer>\n<p>{}</p>\n<p>{}</p>\n", kSigns, kForgettingRule);
  if (!std::isnan(numbers.stability_gap_max)) html += fmt::format("<p>{}</p>\n", kStabilityRule);
  if (const auto missing = left_out(report, numbers); !missing.empty())
    html += fmt::format("<p>Not measured, and the option that adds it: {}.</p>\n", escaped(fmt::format("{}", fmt::join(missing, "; "))));
  html += "<p>A dash means not measured, or nothing to measure: the last domain has had no time to be forgotten.</p>\n";
  if (!report.mixture.empty()) html += fmt::format("<p>Predictions: {}</p>\n", escaped(report.mixture));
  return html + "</footer>\n";
}

}  // namespace

std::string report_html(const ForgettingReport& report) {
  const std::size_t T = check_report(report);
  const RetentionNumbers numbers = derive(report.matrix);
  std::string html = head(report) + "<body>\n<main>\n" + opening(report, numbers);
  if (T > 0) {
    html += "<section>\n<h2>What each stage did to each domain</h2>\n" + heat_map(report) + "</section>\n";
    html += curves(report) + domains_table(report, numbers) + numbers_table(numbers);
    if (report.inside) html += close_look_html(*report.inside, report.matrix.domains);
  }
  return html + costs_table(report.costs) + closing(report, numbers) + "</main>\n</body>\n</html>\n";
}

}  // namespace peer::trainer
