#include "streams/tokenizer/utf8.h"

#include "tests/support/catch.h"

namespace peer::streams {
namespace {

TEST_CASE("ill-formed UTF-8 is found at its first byte") {
  const auto offset = [](std::string_view text) {
    const auto fault = find_fault(text);
    REQUIRE(fault);
    CHECK(fault->kind == TextFault::Kind::kEncoding);
    CHECK(fault->byte == static_cast<unsigned char>(text[fault->offset]));
    return fault->offset;
  };
  CHECK(offset("stra\xDF"
               "e") == 4);
  CHECK(offset("ab\xC0\xAF") == 2);        // overlong
  CHECK(offset("abc\xED\xA0\x80") == 3);   // surrogate
  CHECK(offset("\xF4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(offset("日本\xE8\xAA") == 6);      // truncated
  CHECK_FALSE(find_fault("Grüße, 日本語, \xF0\x9F\x98\x80\n"));
  CHECK_FALSE(find_fault(""));
}

TEST_CASE("a NUL or many control characters make a binary") {
  REQUIRE(find_fault(std::string_view("abc\0def", 7)));
  CHECK(find_fault(std::string_view("abc\0def", 7))->offset == 3);
  REQUIRE(find_fault("ab\x01\x02\x03"));
  CHECK(find_fault("ab\x01\x02\x03")->kind == TextFault::Kind::kBinary);
  CHECK_FALSE(find_fault("\tone\f\x1B[1mstray \x01 control character among forty others\r\n"));
}

}  // namespace
}  // namespace peer::streams
