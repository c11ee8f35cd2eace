#include "trainer/report/weight_bands.h"

#include <fmt/format.h>

#include <algorithm>

#include "trainer/report/markup.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

// The drawing, in its own units; the page scales it.
constexpr double kWidth = 320, kHeight = 156, kLeft = 30, kRight = 318, kTop = 8, kBottom = 132;
constexpr double kInvisible = 0.002;  // a band whose weight never exceeds this is left out
constexpr int kColours = 7;           // beside the base's

double x_of(double place) { return kLeft + (kRight - kLeft) * place; }
double y_of(double weight) { return kBottom - (kBottom - kTop) * std::clamp(weight, 0.0, 1.0); }

// Sums of the weights of the first `views` views, at each point: the edge of a band. Flat at both ends, since a point is the mean of a
// stretch and stands in its middle.
std::vector<std::string> edge(const DocumentWeights& document, std::size_t views) {
  std::vector<std::string> points;
  const auto count = static_cast<double>(document.weight.size());
  for (std::size_t p = 0; p < document.weight.size(); ++p) {
    double sum = 0;
    for (std::size_t g = 0; g < views; ++g) sum += document.weight[p][g];
    const double y = views == document.views.size() ? kTop : y_of(sum);
    if (p == 0) points.push_back(fmt::format("{:.1f},{:.1f} ", kLeft, y));
    points.push_back(fmt::format("{:.1f},{:.1f} ", x_of((static_cast<double>(p) + 0.5) / count), y));
    if (p + 1 == document.weight.size()) points.push_back(fmt::format("{:.1f},{:.1f} ", kRight, y));
  }
  return points;
}

std::string band(const DocumentWeights& document, const std::vector<std::string>& names, std::size_t g) {
  double most = 0, sum = 0;
  for (const auto& point : document.weight) most = std::max(most, point[g]), sum += point[g];
  if (most <= kInvisible) return "";
  std::vector<std::string> lower = edge(document, g);
  std::reverse(lower.begin(), lower.end());
  return fmt::format("<polygon class=\"{}\" points=\"{}{}\"><title>{}: {} % on average</title></polygon>\n", view_colour(document.views[g]),
                     fmt::join(edge(document, g + 1), ""), fmt::join(lower, ""),
                     escaped(names[static_cast<std::size_t>(document.views[g])]),
                     decimal(100 * sum / static_cast<double>(document.weight.size()), 1));
}

std::string axes(const DocumentWeights& document) {
  std::string svg;
  for (const int percent : {0, 50, 100})
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0}\" x2=\"{1}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/><text x=\"{3}\" y=\"{4:.1f}\" class=\"y\">{5}</text>\n",
        kLeft, kRight, y_of(percent / 100.0), kLeft - 6, y_of(percent / 100.0) + 4, percent);
  return svg + fmt::format("<text x=\"{}\" y=\"{}\">0</text><text x=\"{}\" y=\"{}\" class=\"y\">{}</text>\n", kLeft, kBottom + 17, kRight,
                           kBottom + 17, byte_size(static_cast<double>(document.bytes)));
}

std::string switch_mark(const DocumentWeights& document) {
  if (document.boundary < 0 || document.bytes <= 0) return "";
  const double x = x_of(static_cast<double>(document.boundary) / static_cast<double>(document.bytes));
  return fmt::format(
      "<line class=\"switch\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text x=\"{0:.1f}\" y=\"{3}\" "
      "class=\"x\">new text</text>\n",
      x, kTop - 4, kBottom + 4, kBottom + 17);
}

}  // namespace

std::string view_colour(int view) { return fmt::format("view{}", view == 0 ? 0 : (view - 1) % kColours + 1); }

std::string weight_bands(const DocumentWeights& document, const std::vector<std::string>& names, std::size_t number) {
  std::string svg = fmt::format(
      "<svg class=\"bands\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"bands{}\">\n<title id=\"bands{}\">Weights of the views "
      "along {} bytes of {}.</title>\n",
      kWidth, kHeight, number, number, grouped(document.bytes), escaped(document.title));
  svg += axes(document);
  for (std::size_t g = 0; g < document.views.size(); ++g) svg += band(document, names, g);
  return svg + switch_mark(document) + "</svg>\n";
}

}  // namespace peer::trainer
