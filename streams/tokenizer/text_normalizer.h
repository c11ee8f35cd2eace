#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "streams/tokenizer/text_pattern.h"
#include "streams/tokenizer/text_start.h"

namespace peer::streams {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

struct PrependText {
  std::string text;
};

struct ReplaceText {
  TextPattern pattern;
  std::string by;
};

// What becomes of a text before it is cut into words, step by step.
class TextNormalizer {
 public:
  using Step = std::variant<UnicodeForm, PrependText, ReplaceText>;

  explicit TextNormalizer(std::vector<Step> steps = {}) : steps_(std::move(steps)) {}

  // `text`, well-formed UTF-8, or what became of it in `changed`.
  std::string_view apply(std::string_view text, TextStart start, std::string& changed, PatternScratch& scratch) const;

 private:
  std::vector<Step> steps_;
};

}  // namespace peer::streams
