#include <cmath>

#include <fmt/format.h>

#include "trainer/report/comparison_report.h"
#include "trainer/report/markup.h"
#include "trainer/report/report_style.h"
#include "trainer/report/report_words.h"
#include "trainer/report/scatter_plot.h"

namespace peer::trainer {
namespace {

// Beyond the style of the report: the scatter plot, whose letters grow as the screen shrinks, and verdicts.
constexpr char kStyle[] = R"css(
.scatter { max-width: 46rem; margin-top: 1rem; }
.scatter text { font-size: 12px; }
.scatter .name { fill: var(--ink); stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
.scatter .run { fill: var(--accent); opacity: .45; }
.scatter .x { text-anchor: middle; }
.scatter .zero { stroke: var(--soft); }
.scatter .whisker { stroke: var(--accent); stroke-width: 2; opacity: .45; }
.scatter .ring { fill: var(--page); stroke: var(--accent); stroke-width: 2.5; }
.verdict { font-weight: 600; }
.verdict.better { color: var(--accent); }
.verdict.undecided, .verdict.equal { color: var(--soft); }
@media (max-width: 40rem) { .scatter text { font-size: 18px; } }
)css";

std::string head(const std::string& title) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
      "<title>{}</title>\n<style>{}{}</style>\n</head>\n",
      escaped(title), kReportStyle, kStyle);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Who kept most and who learnt most, in words.
std::string lead(const Comparison& comparison) {
  const ComparedGroup *keeper = nullptr, *learner = nullptr, *best = nullptr;
  const auto less = [](const ComparedGroup* than, const ComparedGroup& group, Estimate GroupNumbers::*part) {
    const double value = (group.numbers.*part).value;
    return !std::isnan(value) && (than == nullptr || value < (than->numbers.*part).value);
  };
  for (const ComparedGroup& group : comparison.groups) {
    if (less(keeper, group, &GroupNumbers::forgetting)) keeper = &group;
    if (less(learner, group, &GroupNumbers::new_loss)) learner = &group;
    if (less(best, group, &GroupNumbers::final_average)) best = &group;
  }
  if (!keeper || !learner || !best) return "Nothing was measured that could be compared.";
  return fmt::format(
      "{} forgot least ({} bits per byte on average), {} learnt the new domains best ({}), and {} predicts all domains best in the end "
      "({}).",
      printable(keeper->name), figure(signed_decimal(keeper->numbers.forgetting.value)), printable(learner->name),
      decimal(learner->numbers.new_loss.value), printable(best->name), decimal(best->numbers.final_average.value));
}

std::string plot_section(const Comparison& comparison) {
  const std::string& baseline = comparison.groups[comparison.baseline].name;
  ScatterPlot plot{.title = "Forgetting against the loss on new domains, one point a strategy; lower left is better.",
                   .x_label = fmt::format("loss on new domains, against {}", printable(baseline)),
                   .y_label = "forgetting",
                   .points = {}};
  for (const ComparedGroup& group : comparison.groups) {
    const bool reference = &group == &comparison.groups[comparison.baseline];
    const Estimate &gap = group.difference.new_loss, &forgetting = group.numbers.forgetting;
    ScatterPoint point{.name = printable(group.name),
                       .x = reference ? 0 : gap.value,
                       .y = forgetting.value,
                       .x_interval = gap.documents,
                       .y_interval = forgetting.documents,
                       .runs = {},
                       .reference = reference};
    for (std::size_t run = 0; run < forgetting.by_run.size() && forgetting.by_run.size() > 1; ++run)
      if (reference || run < gap.by_run.size()) point.runs.emplace_back(reference ? 0 : gap.by_run[run], forgetting.by_run[run]);
    plot.points.push_back(std::move(point));
  }
  return "<section>\n<h2>Stability and plasticity</h2>\n<p class=\"note\">In bits per byte; the lower left is better: little forgotten, "
         "and new domains learnt well. Lines are 95 % intervals over documents, small dots single runs; the ring is what the others are "
         "held against.</p>\n" +
         scatter_svg(plot) + "</section>\n";
}

std::string with_interval(const Estimate& estimate) {
  const auto& [low, high] = estimate.documents;
  std::string html = figure(signed_decimal(estimate.value));
  if (!std::isnan(low)) html += fmt::format("<small>{} to {}</small>", figure(signed_decimal(low)), figure(signed_decimal(high)));
  return html;
}

std::string table_start(const char* heading, const std::string& note, const std::vector<std::string>& columns) {
  std::string html = fmt::format(
      "<section>\n<h2>{0}</h2>\n<p class=\"note\">{1}</p>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\">"
      "<table class=\"plain\">\n<thead><tr>",
      heading, escaped(note));
  for (const std::string& column : columns) html += fmt::format("<th scope=\"col\">{}</th>", escaped(column));
  return html + "</tr></thead>\n<tbody>\n";
}

constexpr const char* kTableEnd = "</tbody></table></div>\n</section>\n";

std::string levels_table(const Comparison& comparison) {
  bool with_plasticity = false;
  for (const ComparedGroup& group : comparison.groups) with_plasticity |= !std::isnan(group.plasticity);
  std::vector<std::string> columns = {"strategy", "runs", "new domains", "forgetting", "at most", "final average", "BWT"};
  if (with_plasticity) columns.emplace_back("plasticity");
  std::string html = table_start(
      "The strategies", "In bits per byte, lower is better; means over runs. Small figures are 95 % intervals over documents.", columns);
  for (const ComparedGroup& group : comparison.groups) {
    const GroupNumbers& n = group.numbers;
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}<small>{}</small></td><td>{}</td><td>{}</td>",
                        escaped(group.name), group.runs.size(), decimal(n.new_loss.value), with_interval(n.forgetting),
                        figure(signed_decimal(group.forgetting_max)), escaped(group.kept_least_well), decimal(n.final_average.value),
                        figure(signed_decimal(n.backward_transfer.value)));
    if (with_plasticity) html += fmt::format("<td>{}</td>", figure(decimal(group.plasticity)));
    html += "</tr>\n";
  }
  return html + kTableEnd;
}

std::string difference_cell(const Estimate& estimate, bool repeated) {
  const Standing standing = standing_of(estimate);
  std::string html = "<td>" + with_interval(estimate);
  if (repeated && !std::isnan(estimate.runs.low))
    html += fmt::format("<small>over runs ± {}</small>", decimal((estimate.runs.high - estimate.runs.low) / 2, 4));
  if (standing != Standing::kUnknown) html += fmt::format("<small class=\"verdict {0}\">{0}</small>", in_words(standing));
  return html + "</td>";
}

std::string differences_table(const Comparison& comparison) {
  if (comparison.groups.size() < 2) return "";
  const ComparedGroup& baseline = comparison.groups[comparison.baseline];
  std::string html = table_start(
      "Held against each other",
      fmt::format("Differences to {}, paired by document; below zero is better. Equal: every 95 % interval lies within {} bits per "
                  "byte of zero (two one-sided tests).",
                  printable(baseline.name), kEquivalenceMargin),
      {"strategy", "new domains", "forgetting", "final average"});
  for (const ComparedGroup& group : comparison.groups) {
    if (&group == &baseline) continue;
    const bool repeated = group.runs.size() > 1;
    html +=
        fmt::format("<tr><th scope=\"row\">{}</th>{}{}{}</tr>\n", escaped(group.name), difference_cell(group.difference.new_loss, repeated),
                    difference_cell(group.difference.forgetting, repeated), difference_cell(group.difference.final_average, repeated));
  }
  return html + kTableEnd;
}

std::string costs_table(const Comparison& comparison) {
  std::string html =
      table_start("What it cost", "The stages after the first, which all have in common; means over runs. Share: of the base's parameters.",
                  {"strategy", "parameters added", "share a stage", "time", "computed", "written to disk", "memory", "old text kept"});
  for (const ComparedGroup& group : comparison.groups)
    html +=
        fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{} %</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    escaped(group.name), grouped(std::llround(group.parameters_added)), decimal(100 * group.added_per_domain, 1),
                    duration(group.seconds), operations(group.flops), byte_size(group.bytes_written), byte_size(group.peak_bytes),
                    byte_size(group.old_text_bytes));
  return html + kTableEnd;
}

std::string closing(const Comparison& comparison) {
  std::string html = fmt::format("<footer>\n<p>{}</p>\n<p>{}</p>\n", kSigns, kForgettingRule);
  for (const ComparedGroup& group : comparison.groups) {
    std::string runs;
    for (const ComparedRun& run : group.runs)
      runs += fmt::format("{}{} (seed {}: {})", runs.empty() ? "" : "; ", run.pool, run.seed, joined(run.order()));
    html += fmt::format("<p class=\"about\">{}: {}</p>\n", escaped(group.name), escaped(runs));
  }
  return html + "</footer>\n";
}

}  // namespace

std::string comparison_html(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const ComparedGroup& group : comparison.groups) names.push_back(group.name);
  return head("Comparison: " + joined(names)) +
         fmt::format(
             "<body>\n<main>\n<header>\n<h1>Strategies side by side</h1>\n<p class=\"about\">{}</p>\n<p class=\"lead\">{}</p>\n</header>\n",
             escaped(joined(comparison.domains)), escaped(lead(comparison))) +
         plot_section(comparison) + levels_table(comparison) + differences_table(comparison) + costs_table(comparison) +
         closing(comparison) + "</main>\n</body>\n</html>\n";
}

}  // namespace peer::trainer
