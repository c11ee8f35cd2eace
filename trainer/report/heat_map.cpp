#include "trainer/report/heat_map.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "trainer/report/markup.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

constexpr std::array<double, 4> kLevels = {0.005, 0.02, 0.1, 0.5};  // bits per byte

std::string change_class(double change) {
  const int level = colour_level(change);
  return level == 0 ? "same" : fmt::format("{}{}", change > 0 ? "worse" : "better", level);
}

std::string cell(const ForgettingReport& report, std::size_t stage, std::size_t column) {
  const double loss = report.matrix.loss[stage][column];
  if (std::isnan(loss)) return "<td class=\"missing\">–</td>";
  const Interval interval = interval_of(report, stage, column);
  std::string hint;
  if (!std::isnan(interval.low)) hint = fmt::format(" title=\"95 %: {} to {}\"", decimal(interval.low), decimal(interval.high));
  const std::string value = figure(decimal(loss));
  if (stage < report.matrix.learnt[column]) return fmt::format("<td class=\"before\"{}>{}</td>", hint, value);
  if (stage == report.matrix.learnt[column]) return fmt::format("<td class=\"learnt\"{}>{}<small>learnt</small></td>", hint, value);
  const double change = since_learnt(report.matrix, stage, column);
  if (std::isnan(change)) return fmt::format("<td class=\"before\"{}>{}</td>", hint, value);
  return fmt::format("<td class=\"{}\"{}>{}<small>{}</small></td>", change_class(change), hint, value, figure(signed_decimal(change)));
}

std::string legend() {
  std::string keys;
  for (std::size_t level = kLevels.size(); level > 0; --level) keys += fmt::format("<i class=\"better{}\"></i>", level);
  keys += "<i class=\"same\"></i>";
  for (std::size_t level = 1; level <= kLevels.size(); ++level) keys += fmt::format("<i class=\"worse{}\"></i>", level);
  return fmt::format(
      "<p class=\"legend\"><span>better</span><span class=\"scale\" aria-hidden=\"true\">{}</span><span>worse</span>"
      "<span class=\"steps\">than when learnt; colour changes at {}, {}, {} and {} bits per byte</span></p>\n",
      keys, kLevels[0], kLevels[1], kLevels[2], kLevels[3]);
}

}  // namespace

int colour_level(double change) {
  int level = 0;
  for (double threshold : kLevels) level += std::abs(change) > threshold;
  return level;
}

std::string heat_map(const ForgettingReport& report) {
  const RetentionMatrix& matrix = report.matrix;
  std::string html =
      "<p class=\"note\" id=\"heat\">Bits per byte on held-out documents. A row is the state after a stage; the small figures are the "
      "change "
      "since the domain was learnt.</p>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Loss by stage and domain\">"
      "<table class=\"heat\" aria-describedby=\"heat\">\n<thead><tr><th scope=\"col\">after stage</th>";
  for (const std::string& domain : matrix.domains) html += fmt::format("<th scope=\"col\">{}</th>", escaped(domain));
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t stage = 0; stage < matrix.loss.size(); ++stage) {
    html += fmt::format("<tr><th scope=\"row\"><b>{}</b> {}</th>", stage, escaped(matrix.stages[stage]));
    for (std::size_t column = 0; column < matrix.domains.size(); ++column) html += cell(report, stage, column);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n" + legend();
}

}  // namespace peer::trainer
