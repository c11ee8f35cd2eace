#include "streams/tokenizer/oniguruma_pattern.h"

#include "peer/base/error.h"
#include "streams/tokenizer/text_pattern.h"
#include "tests/support/catch.h"

namespace peer::streams {
namespace {

std::string translated(std::string_view pattern) { return pcre2_of_oniguruma(pattern, "here"); }

bool matches(std::string_view pattern, std::string_view text) {
  PatternScratch scratch;
  const auto match = TextPattern::expression(translated(pattern), "here").find(text, 0, scratch);
  return match && match->begin == 0 && match->end == text.size();
}

}  // namespace

TEST_CASE("a pattern reads alike in both dialects") {
  CHECK(translated(" ?[^\\s\\p{L}]+|\\p{N}{1,3}|\\s+(?!\\S)") ==
        " ?[^\\p{White_Space}\\p{L}]+|\\p{N}{1,3}|\\p{White_Space}+(?!\\P{White_Space})");
  CHECK(matches("\\s+", " \t\n\xC2\x85\xE3\x80\x80"));
  CHECK_FALSE(matches("\\s", "\xE1\xA0\x8E"));  // U+180E, white space to PCRE2's \s and to Unicode before 6.3
  CHECK(matches("\\w+", "a\xCC\x81_\xE2\x80\xBF"));
  CHECK(matches("\\v", "\x0B"));
  CHECK_FALSE(matches("\\v", "\n"));
  CHECK(matches("[\\u4e00-\\u9fff]+", "日本"));
  CHECK(matches("(?i:'ll)", "'Ll"));
  CHECK(matches("[!\\-\\[\\\\\\]]+", "!-[\\]"));
  CHECK(matches("a{2}b{1,}c{,d}", "aabbc{,d}"));
  CHECK(matches("\\\xC3\xA9", "é"));
}

TEST_CASE("what the dialects read differently is refused by name") {
  for (const char* pattern : {"\\h", "\\bx", "[[a]b]", "[a&&b]", "(?m:a)", "(?<n>a)", "a{1,2}+", "a{,2}", "(*FAIL)", "a(?i)b", "\\1",
                              "[\\W]", "\\xE9", "[]a]", "\\p", "\\u12", "\\Ka"}) {
    INFO(pattern);
    CHECK_THROWS_AS(translated(pattern), UsageError);
  }
  try {
    translated("a|\\b");
    FAIL("accepted");
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()) ==
          "here: '\\b' at byte 2 of the pattern is not supported, expected a regular expression without it: 'a|\\b'");
  }
}

TEST_CASE("a pattern that is none, that can match nothing, or that tries too much is an error") {
  CHECK_THROWS_AS(TextPattern::expression("(a", "here"), UsageError);
  CHECK_THROWS_AS(TextPattern::expression("a*", "here"), UsageError);
  CHECK_THROWS_AS(TextPattern::literal("", "here"), UsageError);
  PatternScratch scratch;
  CHECK_THROWS_AS(TextPattern::expression("(a+a+)+[bc]", "here").find(std::string(64, 'a'), 0, scratch), CorpusError);
}

}  // namespace peer::streams
