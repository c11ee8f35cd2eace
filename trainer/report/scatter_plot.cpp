#include "trainer/report/scatter_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "trainer/report/markup.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

// The drawing, in its own units; the page scales it. A phone shows letters of kLetterHeight, larger screens smaller ones.
constexpr double kWidth = 600, kHeight = 440, kLeft = 74, kRight = 588, kTop = 16, kBottom = 376;
constexpr double kLetterHeight = 18, kLetterWidth = 9.5, kGap = 10;

// A round range and its ticks: zero is always in it, because what counts is the distance from no loss.
struct Axis {
  double low, high, step;
  int digits() const { return std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9))); }
};

Axis axis_over(double low, double high) {
  low = std::fmin(low, 0), high = std::fmax(high, 0);
  if (high - low < 0.01) low -= 0.005, high += 0.005;  // points on a line must not become a picture of rounding
  const double power = std::pow(10, std::floor(std::log10((high - low) / 4)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0})
    if ((high - low) / (factor * power) <= 5) step = factor * power;
  const double margin = 0.06 * (high - low);
  return {low - margin, high + margin, step};
}

// With a NaN side it overlaps nothing.
struct Box {
  double left, top, right, bottom;
  double overlap(const Box& other) const {
    if (std::isnan(other.left + other.top + other.right + other.bottom)) return 0;
    const double width = std::min(right, other.right) - std::max(left, other.left);
    const double height = std::min(bottom, other.bottom) - std::max(top, other.top);
    return width > 0 && height > 0 ? width * height : 0;
  }
  double outside() const {
    const double area = (right - left) * (bottom - top);
    return area - overlap({kLeft, kTop, kRight, kBottom});
  }
};

struct Label {
  double x, y;
  const char* anchor;
  Box box;
};

class Drawing {
 public:
  explicit Drawing(const ScatterPlot& plot) : plot_(plot) {
    double left = 0, right = 0, low = 0, high = 0;
    for (const ScatterPoint& point : plot.points) {
      if (std::isnan(point.x) || std::isnan(point.y)) continue;
      points_.push_back(&point);
      for (const double x : {point.x, point.x_interval.low, point.x_interval.high}) left = std::fmin(left, x), right = std::fmax(right, x);
      for (const double y : {point.y, point.y_interval.low, point.y_interval.high}) low = std::fmin(low, y), high = std::fmax(high, y);
      for (const auto& [x, y] : point.runs) {
        left = std::fmin(left, x), right = std::fmax(right, x);
        low = std::fmin(low, y), high = std::fmax(high, y);
      }
    }
    x_axis_ = axis_over(left, right), y_axis_ = axis_over(low, high);
  }

  std::string svg() {
    std::string svg = fmt::format(
        "<svg class=\"scatter\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"scatter\">\n<title id=\"scatter\">{}</title>\n",
        kWidth, kHeight, escaped(plot_.title));
    svg += grid();
    for (const ScatterPoint* point : points_) svg += whiskers(*point);
    for (const ScatterPoint* point : points_) svg += dot(*point);
    for (const ScatterPoint* point : points_) svg += label(*point);
    return svg + "</svg>\n";
  }

 private:
  double x(double value) const { return kLeft + (kRight - kLeft) * (value - x_axis_.low) / (x_axis_.high - x_axis_.low); }
  double y(double value) const { return kBottom - (kBottom - kTop) * (value - y_axis_.low) / (y_axis_.high - y_axis_.low); }

  std::string grid() const {
    std::string svg;
    for (double tick = std::ceil(y_axis_.low / y_axis_.step); tick * y_axis_.step <= y_axis_.high; ++tick)
      svg += fmt::format(
          "<line class=\"{0}\" x1=\"{1}\" x2=\"{2}\" y1=\"{3:.1f}\" y2=\"{3:.1f}\"/><text class=\"y\" x=\"{4}\" y=\"{5:.1f}\">{6}</text>\n",
          tick == 0 ? "zero" : "grid", kLeft, kRight, y(tick * y_axis_.step), kLeft - 8, y(tick * y_axis_.step) + 5,
          figure(signed_decimal(tick * y_axis_.step, y_axis_.digits())));
    for (double tick = std::ceil(x_axis_.low / x_axis_.step); tick * x_axis_.step <= x_axis_.high; ++tick)
      svg += fmt::format(
          "<line class=\"{0}\" x1=\"{1:.1f}\" x2=\"{1:.1f}\" y1=\"{2}\" y2=\"{3}\"/><text class=\"x\" x=\"{1:.1f}\" y=\"{4}\">{5}</text>\n",
          tick == 0 ? "zero" : "grid", x(tick * x_axis_.step), kTop, kBottom, kBottom + 22,
          figure(signed_decimal(tick * x_axis_.step, x_axis_.digits())));
    svg += fmt::format("<text class=\"x\" x=\"{}\" y=\"{}\">{}</text>\n", (kLeft + kRight) / 2, kHeight - 12, escaped(plot_.x_label));
    return svg + fmt::format("<text class=\"x\" transform=\"translate(16 {}) rotate(-90)\">{}</text>\n", (kTop + kBottom) / 2,
                             escaped(plot_.y_label));
  }

  std::string whiskers(const ScatterPoint& point) const {
    std::string svg;
    if (!std::isnan(point.x_interval.low))
      svg += fmt::format("<line class=\"whisker\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>", x(point.x_interval.low),
                         x(point.x_interval.high), y(point.y));
    if (!std::isnan(point.y_interval.low))
      svg += fmt::format("<line class=\"whisker\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>", x(point.x),
                         y(point.y_interval.low), y(point.y_interval.high));
    for (const auto& [run_x, run_y] : point.runs)
      svg += fmt::format("<circle class=\"run\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\"/>", x(run_x), y(run_y));
    return svg + '\n';
  }

  std::string dot(const ScatterPoint& point) const {
    return fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5.5\"><title>{}: {} {}, {} {}</title></circle>\n",
                       point.reference ? "ring" : "dot", x(point.x), y(point.y), escaped(point.name), escaped(plot_.x_label),
                       figure(signed_decimal(point.x)), escaped(plot_.y_label), figure(signed_decimal(point.y)));
  }

  Label label_at(const ScatterPoint& point, int right, int down) const {
    const double width = kLetterWidth * static_cast<double>(point.name.size());
    const double at_x = x(point.x) + right * kGap, middle = y(point.y) + down * (kGap + kLetterHeight / 2);
    const double left = right > 0 ? at_x : right < 0 ? at_x - width : at_x - width / 2;
    return {at_x,
            middle + kLetterHeight / 3,
            right > 0   ? "start"
            : right < 0 ? "end"
                        : "middle",
            {left, middle - kLetterHeight / 2, left + width, middle + kLetterHeight / 2}};
  }

  // How much of a point, its whiskers and its runs a label would hide.
  double hidden_by(const Box& label, const ScatterPoint& point) const {
    const double px = x(point.x), py = y(point.y);
    double hidden = label.overlap({px - 6, py - 6, px + 6, py + 6});
    hidden += label.overlap({x(point.x_interval.low), py - 2, x(point.x_interval.high), py + 2});
    hidden += label.overlap({px - 2, y(point.y_interval.high), px + 2, y(point.y_interval.low)});
    for (const auto& [run_x, run_y] : point.runs) hidden += label.overlap({x(run_x) - 3, y(run_y) - 3, x(run_x) + 3, y(run_y) + 3});
    return hidden;
  }

  // Where it covers least: no other label, nothing of a point, nothing outside.
  std::string label(const ScatterPoint& point) {
    constexpr std::pair<int, int> kPlaces[] = {{1, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, -1}, {1, 1}, {-1, -1}, {-1, 1}};
    Label best{};
    double least = std::numeric_limits<double>::infinity();
    for (const auto& [right, down] : kPlaces) {
      const Label candidate = label_at(point, right, down);
      double covered = candidate.box.outside();
      for (const Box& box : labels_) covered += candidate.box.overlap(box);
      for (const ScatterPoint* other : points_) covered += hidden_by(candidate.box, *other);
      if (covered >= least) continue;
      least = covered, best = candidate;
    }
    labels_.push_back(best.box);
    return fmt::format("<text class=\"name\" text-anchor=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", best.anchor, best.x, best.y,
                       escaped(point.name));
  }

  const ScatterPlot& plot_;
  std::vector<const ScatterPoint*> points_;
  std::vector<Box> labels_;
  Axis x_axis_{}, y_axis_{};
};

}  // namespace

std::string scatter_svg(const ScatterPlot& plot) { return Drawing(plot).svg(); }

}  // namespace peer::trainer
