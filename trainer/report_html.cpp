#include <fmt/format.h>

#include <cmath>

#include "trainer/curve.h"
#include "trainer/heat_map.h"
#include "trainer/markup.h"
#include "trainer/report.h"
#include "trainer/report_style.h"
#include "trainer/report_words.h"

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
  if (report.matrix.domains.size() < 2) return html + "</header>\n";  // the figures below compare stages
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
    std::string course = fmt::format("{} when learnt", figure(decimal(matrix.loss[column + 1][column])));
    if (column + 1 < T)
      course +=
          fmt::format(", {} now ({})", figure(decimal(matrix.loss[T][column])), figure(signed_decimal(since_learnt(matrix, T, column))));
    html += fmt::format("<figure><figcaption><b>{}</b><span>{}</span></figcaption>\n{}</figure>\n", escaped(matrix.domains[column]), course,
                        curve(report, scale, column));
  }
  return html + "</div>\n</section>\n";
}

std::string with_interval(const ForgettingReport& report, std::size_t stage, std::size_t column) {
  const Interval interval = interval_of(report, stage, column);
  std::string html = figure(decimal(report.matrix.loss[stage][column]));
  if (!std::isnan(interval.low)) html += fmt::format("<small>{} to {}</small>", decimal(interval.low), decimal(interval.high));
  return html;
}

std::string domains_table(const ForgettingReport& report, const RetentionNumbers& numbers) {
  const RetentionMatrix& matrix = report.matrix;
  std::string html =
      "<section>\n<h2>Domain by domain</h2>\n<p class=\"note\">In bits per byte; small figures are 95 % intervals over documents.</p>\n"
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Numbers by domain\"><table class=\"plain\">\n<thead><tr>"
      "<th scope=\"col\">domain</th><th scope=\"col\">when learnt</th><th scope=\"col\">now</th><th scope=\"col\">forgetting</th>"
      "<th scope=\"col\">retention</th><th scope=\"col\">plasticity</th><th scope=\"col\">naive</th></tr></thead>\n<tbody>\n";
  for (std::size_t column = 0; column < matrix.domains.size(); ++column)
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        escaped(matrix.domains[column]), with_interval(report, column + 1, column),
                        with_interval(report, matrix.domains.size(), column), figure(signed_decimal(numbers.forgetting[column])),
                        figure(decimal(numbers.retention[column])), figure(decimal(numbers.plasticity[column])),
                        figure(decimal(matrix.naive.empty() ? kMissing : matrix.naive[column])));
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
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n", escaped(cost.stage),
                     duration(cost.seconds), grouped(cost.steps), grouped(cost.parameters_added), byte_size(cost.bytes_written));
}

std::string costs_table(const std::vector<StageCost>& costs) {
  if (costs.empty()) return "";
  std::string html =
      "<section>\n<h2>What it cost</h2>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Costs by stage\">"
      "<table class=\"plain\">\n<thead><tr><th scope=\"col\">stage</th><th scope=\"col\">time</th><th scope=\"col\">steps</th>"
      "<th scope=\"col\">parameters added</th><th scope=\"col\">written to disk</th></tr></thead>\n<tbody>\n";
  for (const StageCost& cost : costs) html += cost_row(cost);
  html += "</tbody>\n";
  if (costs.size() > 1) html += "<tfoot>" + cost_row(total_cost(costs)) + "</tfoot>\n";
  return html + "</table></div>\n</section>\n";
}

std::string closing(const ForgettingReport& report) {
  std::string html = fmt::format("<footer>\n<p>{}</p>\n<p>{}</p>\n", kSigns, kForgettingRule);
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
  }
  return html + costs_table(report.costs) + closing(report) + "</main>\n</body>\n</html>\n";
}

}  // namespace peer::trainer
