#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace peer::streams {

// What a match needs beside the pattern; of one thread at a time, and good for every pattern.
class PatternScratch {
 public:
  PatternScratch();
  ~PatternScratch();
  PatternScratch(const PatternScratch&) = delete;
  PatternScratch& operator=(const PatternScratch&) = delete;

 private:
  friend class TextPattern;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// A regular expression over well-formed UTF-8, or a literal string, matched with PCRE2. Any number of threads share one.
class TextPattern {
 public:
  struct Match {
    std::size_t begin, end;  // begin < end
  };

  // `where` is named by the errors. UsageError for an expression that PCRE2 refuses, or that can match nothing at all.
  static TextPattern expression(const std::string& pcre2, const std::string& where);
  static TextPattern literal(const std::string& text, const std::string& where);

  // The first match of `text`, which must be well-formed UTF-8, at or behind `from`, the start of a character. What lies before `from`
  // is seen by a look-behind. CorpusError when the matcher gives up, as on a pattern that tries too many ways.
  std::optional<Match> find(std::string_view text, std::size_t from, PatternScratch& scratch) const;

 private:
  TextPattern(const std::string& pattern, bool is_literal, const std::string& where);

  std::string where_;
  std::shared_ptr<const void> code_;
};

}  // namespace peer::streams
