#include "trainer/report/close_look_text.h"

#include <fmt/format.h>

#include <cmath>

#include "trainer/report/aligned_text.h"
#include "trainer/report/report_words.h"

namespace peer::trainer {
namespace {

std::string percent(double share) { return std::isnan(share) ? "-" : decimal(100 * share, 1); }

TextRow heading(const std::string& first, const std::vector<std::string>& domains) {
  TextRow row = {first};
  for (const std::string& domain : domains) row.push_back(printable(domain));
  return row;
}

std::string causal_text(const CausalValue& causal, const std::vector<std::string>& domains) {
  if (causal.views.empty()) return "";
  std::vector<TextRow> rows = {heading("without", domains)};
  for (std::size_t g = 0; g < causal.views.size(); ++g) {
    TextRow& row = rows.emplace_back(TextRow{causal.views[g]});
    for (const double value : causal.value[g]) row.push_back(signed_decimal(value));
  }
  return aligned(rows) + fmt::format("{}\n\n", kCausalRule);
}

std::string shares_text(const CloseLook& look, const std::vector<std::string>& domains) {
  const UsageNumbers& usage = look.usage;
  std::vector<TextRow> rows = {heading("gate mass, %", domains)};
  for (std::size_t v = 0; v < usage.views.size(); ++v) {
    TextRow& row = rows.emplace_back(TextRow{look.views[static_cast<std::size_t>(usage.views[v])]});
    for (const auto& share : usage.share) row.push_back(percent(share[v]));
  }
  for (const auto& [name, shares] :
       {std::pair("reuse", &usage.reuse), std::pair("novelty", &usage.novelty), std::pair("leakage", &usage.leakage)}) {
    TextRow& row = rows.emplace_back(TextRow{name});
    for (const double share : *shares) row.push_back(percent(share));
  }
  return aligned(rows) + fmt::format("{}\n\n", kUsageRule);
}

std::string blocks_text(const CloseLook& look) {
  std::vector<TextRow> rows = {{"grid", "experts", "used %", "top pick %", "unevenness"}};
  for (std::size_t b = 0; b < look.usage.blocks.size(); ++b) {
    const UsedBlock& block = look.usage.blocks[b];
    const BlockNumbers& numbers = look.usage.together[b];
    rows.push_back({fmt::format("{} layer {}", look.views[static_cast<std::size_t>(block.view)], block.layer), grouped(block.experts),
                    percent(numbers.used), percent(numbers.top), decimal(numbers.unevenness)});
  }
  return aligned(rows) + fmt::format("{}\n\n", kGridRule);
}

std::string pair(double overlap, double permuted) {
  return std::isnan(overlap) ? "-" : fmt::format("{} / {}", decimal(overlap), decimal(permuted));
}

std::string overlap_text(const UsageNumbers& usage, const std::vector<std::string>& domains) {
  std::vector<TextRow> rows = {heading("usage apart by", domains)};
  for (std::size_t d = 0; d < domains.size(); ++d) {
    TextRow& row = rows.emplace_back(TextRow{printable(domains[d])});
    for (std::size_t e = 0; e < domains.size(); ++e) row.push_back(pair(usage.overlap[d][e], usage.permuted[d][e]));
  }
  return aligned(rows) + fmt::format("{}\n\n", kOverlapRule);
}

}  // namespace

std::string close_look_text(const CloseLook& look, const std::vector<std::string>& domains) {
  std::string text = causal_text(look.causal, domains);
  if (!look.usage.blocks.empty()) text += shares_text(look, domains) + blocks_text(look) + overlap_text(look.usage, domains);
  return text;
}

}  // namespace peer::trainer
