#include "streams/tokenizer/pre_tokenizer.h"

#include <array>

#include "tests/support/catch.h"

namespace peer::streams {
namespace {

using Words = std::vector<std::string>;

Words cut(const std::vector<PreTokenizer::Step>& steps, std::string_view text, TextStart start = TextStart::kText) {
  Words words;
  PatternScratch scratch;
  PreTokenizer(steps).cut(text, start, scratch, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

Words split(SplitBehavior behavior, std::string_view text, bool invert = false) {
  return cut({SplitAtPattern{TextPattern::literal("-", "here"), behavior, invert}}, text);
}

}  // namespace

TEST_CASE("matches stand alone, vanish, or join their neighbours") {
  CHECK(split(SplitBehavior::kIsolated, "a-b--c") == Words{"a", "-", "b", "-", "-", "c"});
  CHECK(split(SplitBehavior::kRemoved, "-a-b--c-") == Words{"a", "b", "c"});
  CHECK(split(SplitBehavior::kMergedWithPrevious, "-a-b--c") == Words{"-", "a-", "b-", "-", "c"});
  CHECK(split(SplitBehavior::kMergedWithNext, "a-b--c-") == Words{"a", "-b", "-", "-c", "-"});
  CHECK(split(SplitBehavior::kContiguous, "--a-b--") == Words{"--", "a", "-", "b", "--"});
  CHECK(split(SplitBehavior::kRemoved, "a-b--c", true) == Words{"-", "-", "-"});
  CHECK(split(SplitBehavior::kIsolated, "").empty());
}

TEST_CASE("each step cuts what the step before has cut") {
  CHECK(cut({SplitAtPattern{TextPattern::expression("\\p{N}", "here"), SplitBehavior::kIsolated, false}, PrefixSpace{},
             SplitAtPattern{TextPattern::expression("\\p{L}+", "here"), SplitBehavior::kIsolated, false}},
            "ab1 2") == Words{" ", "ab", " 1", " ", " 2"});
}

TEST_CASE("a mark takes the place of a space, and comes first where the scheme says so") {
  const auto marks = [](MarkSpaces::Prepend prepend, TextStart start) { return cut({MarkSpaces{prepend, "_", true}}, "a  b", start); };
  using enum MarkSpaces::Prepend;
  CHECK(marks(kAlways, TextStart::kText) == Words{"_a", "_", "_b"});
  CHECK(marks(kAlways, TextStart::kSegment) == Words{"_a", "_", "_b"});
  CHECK(marks(kAlways, TextStart::kStrayByte) == Words{"a", "_", "_b"});
  CHECK(marks(kFirst, TextStart::kText) == Words{"_a", "_", "_b"});
  CHECK(marks(kFirst, TextStart::kSegment) == Words{"a", "_", "_b"});
  CHECK(marks(kNever, TextStart::kText) == Words{"a", "_", "_b"});
  CHECK(cut({MarkSpaces{kAlways, "_", false}}, " a b") == Words{"_a_b"});
}

}  // namespace peer::streams
