#include "streams/text_cut.h"

#include "tests/support/catch.h"

namespace peer::streams {
namespace {

TEST_CASE("a text is cut after a blank line before it is cut after a line, and within a line only between characters") {
  CHECK(cut_point("short\n", 100) == 6);
  CHECK(cut_point("aaaa\n\nbbb\nccc\n", 11) == 6);
  CHECK(cut_point("aaaa\r\n\r\nbb\nccc\n", 12) == 8);
  CHECK(cut_point("a\n\nbbbbbbbbbbbb\nccc\n", 17) == 16);  // the blank line is too early: the document would be a crumb
  CHECK(cut_point("aaaaäbbbb", 5) == 4);
  CHECK(cut_point("aaaa日本bbb", 9) == 7);
  CHECK(cut_point("日本語", 2) == 0);
}

TEST_CASE("the line end nearest to a place leaves text on both sides") {
  CHECK(line_end_near("one\ntwo\nthree\n", 9) == 8);
  CHECK(line_end_near("one\ntwo\n\n\n\n", 11) == 4);
  CHECK(line_end_near("\n\none\n", 3) == 0);
  CHECK(line_end_near("", 0) == 0);
}

}  // namespace
}  // namespace peer::streams
