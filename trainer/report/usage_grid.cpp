#include "trainer/report/usage_grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "trainer/report/markup.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

constexpr double kWidth = 320, kLeft = 92, kTop = 18, kRow = 24, kGap = 2, kWidest = 76;
constexpr double kNarrowest = 26;     // a cell narrower than this holds no figure
constexpr std::size_t kLongest = 13;  // characters of a name that fit before the cells

// A cut inside a character would not be text.
std::string shortened(const std::string& name) {
  std::size_t characters = 0, end = 0;
  for (; end < name.size(); ++end)
    if ((static_cast<unsigned char>(name[end]) & 0xC0) != 0x80 && characters++ == kLongest) break;
  return end == name.size() ? name : name.substr(0, end) + "…";
}

std::string cell(const BlockNumbers& numbers, const UsedBlock& block, const std::string& domain, double x, double y, double width) {
  std::string svg = fmt::format(
      "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" rx=\"3\"><title>{}, layer {}: {} % of {} experts used, "
      "{} "
      "% "
      "ever a top pick, unevenness {} nats</title></rect>",
      share_colour(numbers.used), x, y, width - kGap, kRow - kGap, escaped(domain), block.layer, decimal(100 * numbers.used, 1),
      grouped(block.experts), decimal(100 * numbers.top, 1), decimal(numbers.unevenness, 2));
  if (width < kNarrowest) return svg + '\n';
  return svg + fmt::format("<text class=\"x on-{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", share_colour(numbers.used),
                           x + (width - kGap) / 2, y + kRow / 2 + 3, figure(decimal(100 * numbers.used, 0)));
}

}  // namespace

std::string share_colour(double share) {
  int level = 0;
  for (const double threshold : {0.005, 0.2, 0.4, 0.6, 0.8}) level += share > threshold;
  return fmt::format("use{}", level);
}

std::string usage_grid(const UsageNumbers& usage, std::size_t column, const std::string& view, const std::vector<std::string>& domains) {
  std::vector<std::size_t> blocks;
  for (std::size_t b = 0; b < usage.blocks.size(); ++b)
    if (usage.blocks[b].view == usage.views[column]) blocks.push_back(b);
  const double width = std::min(kWidest, (kWidth - kLeft) / static_cast<double>(blocks.size()));
  std::string svg = fmt::format(
      "<svg class=\"grids\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"grid{}\">\n<title id=\"grid{}\">Share of the experts of "
      "{} "
      "that each domain uses, by layer.</title>\n",
      kWidth, kTop + kRow * static_cast<double>(domains.size()), column, column, escaped(view));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"y\">layer</text>", kLeft - 8, kTop - 6);
  for (std::size_t c = 0; c < blocks.size(); ++c)
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"x\">{}</text>", kLeft + width * (static_cast<double>(c) + 0.5), kTop - 6,
                       usage.blocks[blocks[c]].layer);
  for (std::size_t d = 0; d < domains.size(); ++d) {
    const double y = kTop + kRow * static_cast<double>(d);
    svg += fmt::format("\n<text x=\"{}\" y=\"{:.1f}\" class=\"y\">{}</text>", kLeft - 8, y + kRow / 2 + 3, escaped(shortened(domains[d])));
    for (std::size_t c = 0; c < blocks.size(); ++c)
      svg += cell(usage.by_block[d][blocks[c]], usage.blocks[blocks[c]], domains[d], kLeft + width * static_cast<double>(c), y, width);
  }
  return svg + "</svg>\n";
}

}  // namespace peer::trainer
