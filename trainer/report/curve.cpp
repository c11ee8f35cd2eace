#include "trainer/report/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/report/markup.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

// The drawing, in its own units; the page scales it.
constexpr double kWidth = 320, kHeight = 204, kLeft = 30, kRight = 272, kTop = 10, kBottom = 178;

struct Plot {
  const ForgettingReport& report;
  const LossScale& scale;
  std::size_t column, stages;  // stages: S, the last one

  std::size_t learnt() const { return report.matrix.learnt[column]; }
  double loss(std::size_t stage) const { return report.matrix.at(stage, column); }
  double x(std::size_t stage) const {
    return kLeft + 8 + (kRight - kLeft - 8) * static_cast<double>(stage) / static_cast<double>(std::max<std::size_t>(stages, 1));
  }
  double y(double value) const { return kBottom - (kBottom - kTop) * (value - scale.low) / (scale.high - scale.low); }
  std::string point(std::size_t stage, double value) const { return fmt::format("{:.1f},{:.1f} ", x(stage), y(value)); }
};

// A round step that cuts `span` into about four.
double round_step(double span) {
  const double power = std::pow(10, std::floor(std::log10(span / 4)));
  for (double factor : {1.0, 2.0, 5.0})
    if (span / (factor * power) <= 5) return factor * power;
  return 10 * power;
}

std::string grid(const Plot& plot) {
  std::string svg;
  const double step = plot.scale.ticks[1] - plot.scale.ticks[0];
  const int digits = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  for (double tick : plot.scale.ticks)
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text x=\"{3}\" y=\"{4:.1f}\" class=\"y\">{5}</text>\n",
        kLeft, kRight, plot.y(tick), kLeft - 6, plot.y(tick) + 4, decimal(tick, digits));
  const std::size_t stride = plot.stages / 12 + 1;
  for (std::size_t stage = 0; stage <= plot.stages; stage += stride)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"x\">{}</text>", plot.x(stage), kBottom + 18, stage);
  return svg + '\n';
}

// One polygon for each unbroken run of at least two intervals.
std::string band(const Plot& plot) {
  std::string svg, upper, lower;
  int run = 0;
  for (std::size_t stage = 0; stage <= plot.stages + 1; ++stage) {
    const Interval interval = stage <= plot.stages ? interval_of(plot.report, stage, plot.column) : Interval{};
    if (!std::isnan(interval.low) && !std::isnan(interval.high)) {
      upper += plot.point(stage, interval.high);
      lower = plot.point(stage, interval.low) + lower;
      ++run;
      continue;
    }
    if (run > 1) svg += fmt::format("<polygon class=\"band\" points=\"{}{}\"/>\n", upper, lower);
    upper.clear(), lower.clear(), run = 0;
  }
  return svg;
}

// The stages [first, last], broken where a cell is missing.
std::string line(const Plot& plot, const char* style, std::size_t first, std::size_t last) {
  std::string svg, points;
  int run = 0;
  for (std::size_t stage = first; stage <= last + 1; ++stage) {
    if (stage <= last && !std::isnan(plot.loss(stage))) {
      points += plot.point(stage, plot.loss(stage));
      ++run;
      continue;
    }
    if (run > 1) svg += fmt::format("<polyline class=\"{}\" points=\"{}\"/>\n", style, points);
    points.clear(), run = 0;
  }
  return svg;
}

std::string point_title(const Plot& plot, std::size_t stage) {
  const Interval interval = interval_of(plot.report, stage, plot.column);
  std::string title = fmt::format("after stage {} ({}): {}", stage, plot.report.matrix.stages[stage], decimal(plot.loss(stage)));
  if (!std::isnan(interval.low)) title += fmt::format(", 95 % interval {} to {}", decimal(interval.low), decimal(interval.high));
  return title;
}

std::string points(const Plot& plot) {
  std::string svg;
  for (std::size_t stage = 0; stage <= plot.stages; ++stage) {
    if (std::isnan(plot.loss(stage))) continue;
    const char* style = stage < plot.learnt() ? "early" : stage == plot.learnt() ? "dot learnt" : "dot";
    svg += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}</title></circle>\n", style, plot.x(stage),
                       plot.y(plot.loss(stage)), stage == plot.learnt() ? 4.5 : 3, escaped(point_title(plot, stage)));
  }
  const auto& naive = plot.report.matrix.naive;
  if (!naive.empty() && !std::isnan(naive[plot.column])) {
    const double x = plot.x(plot.learnt()), y = plot.y(naive[plot.column]);
    svg += fmt::format(
        "<line class=\"naive\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"><title>naive fine-tuning: {}</title></line>\n",
        x - 15, x - 6, y, y, decimal(naive[plot.column]));
  }
  return svg;
}

}  // namespace

LossScale loss_scale(const ForgettingReport& report) {
  double low = kMissing, high = kMissing;
  const auto include = [&](double value) { low = std::fmin(low, value), high = std::fmax(high, value); };
  for (const auto& row : report.matrix.loss)
    for (double value : row) include(value);
  for (const auto& row : report.intervals)
    for (const Interval& interval : row) include(interval.low), include(interval.high);
  for (double value : report.matrix.naive) include(value);
  if (std::isnan(low)) low = 0, high = 1;
  if (high - low < 0.01) low -= 0.005, high += 0.005;  // a flat matrix must not become a picture of rounding

  const double margin = 0.05 * (high - low), step = round_step(high - low);
  LossScale scale{low - margin, high + margin, {}};
  for (double tick = std::ceil(scale.low / step); tick * step <= scale.high; ++tick) scale.ticks.push_back(tick * step);
  return scale;
}

std::string curve(const ForgettingReport& report, const LossScale& scale, std::size_t column) {
  const std::size_t last = report.matrix.last();
  const Plot plot{report, scale, column, last};
  const double learnt = plot.loss(plot.learnt()), now = plot.loss(last);
  const std::string name = escaped(report.matrix.domains[column]);
  std::string svg = fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"curve{}\">\n<title id=\"curve{}\">Bits per byte on {} by stage: "
      "{} when learnt in stage {}, {} after the last stage {}.</title>\n",
      kWidth, kHeight, column, column, name, decimal(learnt), plot.learnt(), decimal(now), last);
  svg += grid(plot) + band(plot);
  if (!std::isnan(learnt) && plot.learnt() < last)
    svg += fmt::format("<line class=\"level\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n", plot.x(plot.learnt()), kRight,
                       plot.y(learnt), plot.y(learnt));
  svg += line(plot, "ahead", 0, std::min(plot.learnt(), last)) + line(plot, "since", plot.learnt(), last) + points(plot);
  if (!std::isnan(now))
    svg += fmt::format("<text class=\"now\" x=\"{}\" y=\"{:.1f}\">{}</text>\n", kRight + 8, plot.y(now) + 4, decimal(now));
  return svg + "</svg>\n";
}

}  // namespace peer::trainer
