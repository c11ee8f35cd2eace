#include "streams/tokenizer/text_normalizer.h"

#include <chrono>

#include "tests/support/catch.h"

namespace peer::streams {
namespace {

std::string normalized(const std::vector<TextNormalizer::Step>& steps, std::string_view text, TextStart start = TextStart::kText) {
  std::string changed;
  PatternScratch scratch;
  return std::string(TextNormalizer(steps).apply(text, start, changed, scratch));
}

}  // namespace

TEST_CASE("a text is brought into a Unicode normal form") {
  CHECK(normalized({UnicodeForm::kNfc}, "ASCII and cafe\xCC\x81 e") == "ASCII and café e");
  CHECK(normalized({UnicodeForm::kNfc}, "e\xCC\x81\xCC\xA3") == "\xE1\xBA\xB9\xCC\x81");               // marks in canonical order
  CHECK(normalized({UnicodeForm::kNfc}, "\xE1\x84\x80\xE1\x85\xA1\xEF\xAC\x81") == "가\xEF\xAC\x81");  // Hangul; a ligature stays
  CHECK(normalized({UnicodeForm::kNfkc}, "\xEF\xAC\x81") == "fi");
  CHECK(normalized({UnicodeForm::kNfd}, "é") == "e\xCC\x81");
}

TEST_CASE("the steps of a normalizer follow each other") {
  const std::vector<TextNormalizer::Step> steps = {PrependText{"_"}, ReplaceText{TextPattern::literal(" ", "here"), "_"},
                                                   ReplaceText{TextPattern::expression("b+", "here"), ""}};
  CHECK(normalized(steps, "a bb c") == "_a__c");
  CHECK(normalized(steps, "a bb c", TextStart::kStrayByte) == "a__c");
  CHECK(normalized(steps, "").empty());
}

TEST_CASE("a text of nothing but marks is ordered in little more than its share of time") {
  const auto seconds = [](std::size_t marks) {
    std::string text = "e";
    while (marks-- > 0) text += "\xCC\x81\xCC\xA3";
    double least = 1e9;
    for (int i = 0; i < 3; ++i) {
      const auto start = std::chrono::steady_clock::now();
      normalized({UnicodeForm::kNfc}, text);
      least = std::min(least, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return least;
  };
  const double one = seconds(1 << 11), sixteen = seconds(1 << 15);
  INFO(one << " s and " << sixteen << " s");
  CHECK(sixteen < 16 * 6 * one);
}

}  // namespace peer::streams
