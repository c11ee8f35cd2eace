#include "streams/tokenizer/text_steps.h"

#include <fmt/format.h>

#include <utility>

#include "streams/tokenizer/oniguruma_pattern.h"

namespace peer::streams {
namespace {

constexpr const char* kNormalizers = "NFC, NFD, NFKC, NFKD, Prepend, Replace or a Sequence of them";
constexpr const char* kPreTokenizers =
    "ByteLevel, Digits, Metaspace, Punctuation, Split, Whitespace, WhitespaceSplit or a Sequence of them";

// Radford et al. 2019.
constexpr const char* kGpt2Words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A word passes through all steps by recursion, and so does the reading of a Sequence in a Sequence.
constexpr std::size_t kMaxSteps = 64;
constexpr int kMaxDepth = 8;

void check_room(const JsonPlace& step, std::size_t steps, int depth) {
  if (steps >= kMaxSteps || depth > kMaxDepth)
    step.unsupported("so much of a Sequence", fmt::format("at most {} steps, {} deep", kMaxSteps, kMaxDepth));
}

std::string quoted(const std::string& text) { return fmt::format("'{}'", text); }

TextPattern expression(const std::string& oniguruma, const std::string& where) {
  return TextPattern::expression(pcre2_of_oniguruma(oniguruma, where), where);
}

TextPattern read_pattern(const JsonPlace& step) {
  const JsonPlace pattern = step.at("pattern");
  if (const auto regex = pattern.find("Regex")) return expression(regex->text(), regex->name());
  const JsonPlace literal = pattern.at("String");
  return TextPattern::literal(literal.text(), literal.name());
}

SplitBehavior read_behavior(const JsonPlace& behavior) {
  constexpr std::pair<std::string_view, SplitBehavior> kBehaviors[] = {{"Isolated", SplitBehavior::kIsolated},
                                                                       {"Removed", SplitBehavior::kRemoved},
                                                                       {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
                                                                       {"MergedWithNext", SplitBehavior::kMergedWithNext},
                                                                       {"Contiguous", SplitBehavior::kContiguous}};
  for (const auto& [name, value] : kBehaviors)
    if (behavior.text() == name) return value;
  behavior.damaged("Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

void add_normalizer(const JsonPlace& step, TextSteps& steps, int depth = 0) {
  check_room(step, steps.normalizer.size(), depth);
  constexpr std::pair<std::string_view, UnicodeForm> kForms[] = {
      {"NFC", UnicodeForm::kNfc}, {"NFD", UnicodeForm::kNfd}, {"NFKC", UnicodeForm::kNfkc}, {"NFKD", UnicodeForm::kNfkd}};
  const std::string& type = step.at("type").text();
  for (const auto& [name, form] : kForms)
    if (type == name) return steps.normalizer.push_back(form), void();
  if (type == "Sequence") {
    const JsonPlace parts = step.at("normalizers");
    for (std::size_t i = 0; i < parts.items(); ++i) add_normalizer(parts.item(i), steps, depth + 1);
  } else if (type == "Prepend") {
    steps.normalizer.push_back(PrependText{step.at("prepend").text()});
  } else if (type == "Replace") {
    const std::string& by = step.at("content").text();
    const auto literal = step.at("pattern").find("String");
    if (!literal && by.find('$') != by.npos) step.at("content").unsupported("a '$' beside a Regex", "a text without groups");
    if (literal && literal->text() == " " && !by.empty()) steps.space_mark = by;
    steps.normalizer.push_back(ReplaceText{read_pattern(step), by});
  } else {
    step.at("type").unsupported(quoted(type), kNormalizers);
  }
}

MarkSpaces::Prepend read_prepend(const JsonPlace& step) {
  const auto scheme = step.find("prepend_scheme");
  if (!scheme) return step.flag("add_prefix_space", true) ? MarkSpaces::Prepend::kAlways : MarkSpaces::Prepend::kNever;
  if (scheme->text() == "always") return MarkSpaces::Prepend::kAlways;
  if (scheme->text() == "first") return MarkSpaces::Prepend::kFirst;
  if (scheme->text() == "never") return MarkSpaces::Prepend::kNever;
  scheme->damaged("always, first or never");
}

void add_metaspace(const JsonPlace& step, TextSteps& steps) {
  const JsonPlace mark = step.at("replacement");
  if (mark.text().empty()) mark.damaged("a character");
  steps.space_mark = mark.text();
  steps.pre_tokenizer.push_back(MarkSpaces{read_prepend(step), mark.text(), step.flag("split", true)});
}

void add_byte_level(const JsonPlace& step, TextSteps& steps) {
  if (step.flag("add_prefix_space", true)) steps.pre_tokenizer.push_back(PrefixSpace{});
  if (step.flag("use_regex", true))
    steps.pre_tokenizer.push_back(SplitAtPattern{expression(kGpt2Words, step.name()), SplitBehavior::kIsolated, false});
  steps.byte_level = true;
}

void add_pre_tokenizer(const JsonPlace& step, TextSteps& steps, int depth = 0) {
  check_room(step, steps.pre_tokenizer.size(), depth);
  const std::string& type = step.at("type").text();
  if (steps.byte_level) step.at("type").unsupported(fmt::format("'{}' behind ByteLevel", type), "ByteLevel as the last step");
  const auto split = [&](const char* pattern, SplitBehavior behavior, bool invert = false) {
    steps.pre_tokenizer.push_back(SplitAtPattern{expression(pattern, step.name()), behavior, invert});
  };
  if (type == "Sequence") {
    const JsonPlace parts = step.at("pretokenizers");
    for (std::size_t i = 0; i < parts.items(); ++i) add_pre_tokenizer(parts.item(i), steps, depth + 1);
  } else if (type == "ByteLevel") {
    add_byte_level(step, steps);
  } else if (type == "Split") {
    steps.pre_tokenizer.push_back(SplitAtPattern{read_pattern(step), read_behavior(step.at("behavior")), step.flag("invert", false)});
  } else if (type == "Digits") {
    split("\\p{N}", step.flag("individual_digits", false) ? SplitBehavior::kIsolated : SplitBehavior::kContiguous);
  } else if (type == "Metaspace") {
    add_metaspace(step, steps);
  } else if (type == "Whitespace") {
    split("\\w+|[^\\w\\s]+", SplitBehavior::kRemoved, true);
  } else if (type == "WhitespaceSplit") {
    split("\\s", SplitBehavior::kRemoved);
  } else if (type == "Punctuation") {
    const auto behavior = step.find("behavior");
    split("[!-/:-@\\[-`{-~\\p{P}]", behavior ? read_behavior(*behavior) : SplitBehavior::kIsolated);
  } else {
    step.at("type").unsupported(quoted(type), kPreTokenizers);
  }
}

}  // namespace

TextSteps read_text_steps(const JsonPlace& tokenizer) {
  TextSteps steps;
  if (const auto normalizer = tokenizer.find("normalizer")) add_normalizer(*normalizer, steps);
  if (const auto pre_tokenizer = tokenizer.find("pre_tokenizer")) add_pre_tokenizer(*pre_tokenizer, steps);
  return steps;
}

}  // namespace peer::streams
