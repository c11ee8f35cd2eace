#include "peer/base/options.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace peer {
namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view expected, const std::string& text) {
  throw UsageError(fmt::format("option '{}': expected {}, found '{}'", name, expected, text));
}

// Commas part; after a backslash a comma or a backslash is a letter like any other.
std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> parts(text.empty() ? 0 : 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      parts.emplace_back();
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\')) ++i;
    parts.back() += text[i];
  }
  return parts;
}

std::string with_plain_commas(const std::string& part) {
  std::string text;
  for (const char c : part) text += c == ',' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return text;
}

std::int64_t suffix_factor(std::string_view suffix) {
  if (suffix.empty()) return 1;
  if (suffix == "k" || suffix == "K") return 1'000;
  if (suffix == "M") return 1'000'000;
  if (suffix == "G") return 1'000'000'000;
  return 0;
}

}  // namespace

std::string to_text(bool value) { return value ? "true" : "false"; }
std::string to_text(std::int64_t value) { return fmt::format("{}", value); }
std::string to_text(double value) { return fmt::format("{}", value); }
std::string to_text(const std::string& value) { return value; }
std::string to_text(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ",") + with_plain_commas(value);
  return text;
}
std::string to_text(const std::vector<std::int64_t>& values) { return fmt::format("{}", fmt::join(values, ",")); }

void parse_text(std::string_view name, const std::string& text, bool& value) {
  if (text == "true" || text == "1" || text == "yes" || text.empty())
    value = true;
  else if (text == "false" || text == "0" || text == "no")
    value = false;
  else
    refuse(name, "true or false", text);
}

void parse_text(std::string_view name, const std::string& text, std::int64_t& value) {
  std::int64_t number = 0, scaled = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::int64_t factor = problem == std::errc() ? suffix_factor({end, text.data() + text.size()}) : 0;
  if (factor == 0) refuse(name, "a whole number (k, M or G may follow)", text);
  if (__builtin_mul_overflow(number, factor, &scaled)) refuse(name, "a number below 2^63", text);
  value = scaled;
}

void parse_text(std::string_view name, const std::string& text, double& value) {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) refuse(name, "a finite number", text);
  value = number;
}

void parse_text(std::string_view, const std::string& text, std::string& value) { value = text; }

void parse_text(std::string_view, const std::string& text, std::vector<std::string>& values) { values = split_commas(text); }

void parse_text(std::string_view name, const std::string& text, std::vector<std::int64_t>& values) {
  std::vector<std::int64_t> parsed;
  for (const std::string& part : split_commas(text)) parse_text(name, part, parsed.emplace_back());
  values = std::move(parsed);
}

}  // namespace peer
