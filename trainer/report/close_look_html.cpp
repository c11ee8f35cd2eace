#include "trainer/report/close_look_html.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "trainer/report/heat_map.h"
#include "trainer/report/markup.h"
#include "trainer/report/report_words.h"
#include "trainer/report/usage_grid.h"
#include "trainer/report/weight_bands.h"

namespace peer::trainer {
namespace {

using Cell = std::function<std::string(std::size_t row, std::size_t column)>;  // a whole <td>

std::string percent(double share) { return std::isnan(share) ? "–" : decimal(100 * share, 1) + " %"; }

std::string table(const std::string& label, const std::string& corner, const std::vector<std::string>& columns,
                  const std::vector<std::string>& rows, const Cell& cell) {
  std::string html = fmt::format(
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table class=\"heat\">\n<thead><tr><th scope=\"col\">{}</th>",
      label, corner);
  for (const std::string& column : columns) html += fmt::format("<th scope=\"col\">{}</th>", escaped(column));
  html += "</tr></thead>\n<tbody>\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escaped(rows[r]));
    for (std::size_t c = 0; c < columns.size(); ++c) html += cell(r, c);
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string section(const std::string& title, std::string_view note, const std::string& body) {
  return fmt::format("<section>\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n{}</section>\n", title, note, body);
}

bool is_own(const CloseLook& look, std::size_t domain, const std::string& view) {
  const int own = look.own[domain];
  return own >= 0 && look.views[static_cast<std::size_t>(own)] == view;
}

std::string causal_section(const CloseLook& look, const std::vector<std::string>& domains) {
  const CausalValue& causal = look.causal;
  if (causal.views.empty()) return "";
  const Cell cell = [&](std::size_t g, std::size_t d) {
    const double value = causal.value[g][d];
    const Interval interval = causal.interval[g][d];
    if (std::isnan(value)) return std::string("<td class=\"missing\">–</td>");
    const int level = colour_level(value);
    std::string style = level == 0 ? "same" : fmt::format("{}{}", value > 0 ? "better" : "worse", level);
    if (is_own(look, d, causal.views[g])) style += " own";
    const std::string range = std::isnan(interval.low) ? ""
                                                       : fmt::format("<small>{} to {}</small>", figure(signed_decimal(interval.low, 3)),
                                                                     figure(signed_decimal(interval.high, 3)));
    return fmt::format("<td class=\"{}\">{}{}</td>", style, figure(signed_decimal(value, 3)), range);
  };
  return section("What each view is worth",
                 "Bits per byte that a domain loses when a view, and those that grew on it, are masked; small figures are 95 % "
                 "intervals. Teal: the view helps; orange: it hurts. Framed: the view grown for the domain.",
                 table("Causal value by view and domain", "without", domains, causal.views, cell));
}

std::string weights_section(const CloseLook& look) {
  if (look.documents.empty()) return "";
  std::string legend = "<p class=\"legend\">";
  for (const int view : look.documents.front().views)
    legend += fmt::format("<span class=\"swatch\"><i class=\"{}\"></i>{}</span>", view_colour(view),
                          escaped(look.views[static_cast<std::size_t>(view)]));
  std::string html = legend + "</p>\n<div class=\"curves\">\n";
  for (std::size_t i = 0; i < look.documents.size(); ++i)
    html += fmt::format("<figure><figcaption><b>{}</b></figcaption>\n{}</figure>\n", escaped(look.documents[i].title),
                        weight_bands(look.documents[i], look.views, i));
  return section(
      "Who predicts, along a document",
      "The weight of each view in the mixture, in percent, while it reads a held-out document of each domain from left to right and knows "
      "nothing but the text so far. The last drawing reads two domains as one text.",
      html + "</div>\n");
}

std::string shares_table(const CloseLook& look, const std::vector<std::string>& domains) {
  const UsageNumbers& usage = look.usage;
  std::vector<std::string> columns;
  for (const int view : usage.views) columns.push_back(look.views[static_cast<std::size_t>(view)]);
  const std::size_t views = columns.size();
  columns.insert(columns.end(), {"reuse", "novelty", "leakage"});
  const Cell cell = [&](std::size_t d, std::size_t c) {
    if (c >= views) {
      const std::vector<double>* sums[] = {&usage.reuse, &usage.novelty, &usage.leakage};
      return fmt::format("<td class=\"sum\">{}</td>", percent((*sums[c - views])[d]));
    }
    const double share = usage.share[d][c];
    return fmt::format("<td class=\"{}{}\">{}</td>", share_colour(share), is_own(look, d, columns[c]) ? " own" : "", percent(share));
  };
  return table("Gate mass by domain and view", "domain", columns, domains, cell);
}

std::string overlap_table(const UsageNumbers& usage, const std::vector<std::string>& domains) {
  const Cell cell = [&](std::size_t d, std::size_t e) {
    const double overlap = usage.overlap[d][e];
    if (std::isnan(overlap)) return std::string("<td class=\"missing\">–</td>");
    return fmt::format("<td class=\"{}{}\">{}<small>shuffled {}</small></td>", share_colour(1 - overlap), d == e ? " own" : "",
                       decimal(overlap), decimal(usage.permuted[d][e]));
  };
  return table("Divergence of expert usage between domains", "domain", domains, domains, cell);
}

std::string grids(const CloseLook& look, const std::vector<std::string>& domains) {
  std::string html = "<div class=\"curves\">\n";
  for (std::size_t v = 0; v < look.usage.views.size(); ++v) {
    const std::string& view = look.views[static_cast<std::size_t>(look.usage.views[v])];
    std::int64_t experts = 0;
    for (const UsedBlock& block : look.usage.blocks)
      if (block.view == look.usage.views[v]) experts += block.experts;
    html += fmt::format("<figure><figcaption><b>{}</b><span>{} experts</span></figcaption>\n{}</figure>\n", escaped(view), grouped(experts),
                        usage_grid(look.usage, v, view, domains));
  }
  return html + "</div>\n";
}

std::string usage_sections(const CloseLook& look, const std::vector<std::string>& domains) {
  if (look.usage.blocks.empty()) return "";
  return section(
             "Which generation the text goes through",
             "Share of a domain's gate mass, weighted by the mixture, on the experts of each generation; framed: the one trained in the "
             "domain's own stage. Reuse, novelty and leakage: on experts born before, in and after that stage. A token passes every "
             "grid on its view's path, so the size of the grids sets how one path's mass is split, and the mixture how much each path "
             "gets.",
             shares_table(look, domains)) +
         section("How full the grids are",
                 "Share of a grid's experts, in percent, that the held-out text of a domain retrieves, whatever weight the mixture gives "
                 "the view. Each figure's hint also has the share that was ever a token's top pick, and the unevenness log E + sum z log "
                 "z, 0 when all experts get the same.",
                 grids(look, domains)) +
         section("How alike the domains' usage is",
                 "Jensen-Shannon divergence of expert usage in bits, 0 alike and 1 disjoint, between one half of a domain's documents and "
                 "the other half of another's. Framed: a domain against itself, what sampling alone makes. Small figures: the same usage "
                 "with the experts shuffled within each grid, what unrelated routing makes.",
                 overlap_table(look.usage, domains));
}

}  // namespace

std::string close_look_html(const CloseLook& look, const std::vector<std::string>& domains) {
  return causal_section(look, domains) + weights_section(look) + usage_sections(look, domains);
}

}  // namespace peer::trainer
