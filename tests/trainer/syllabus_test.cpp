#include "trainer/strategies/syllabus.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/trainer/byte_model.h"

using namespace peer;
using namespace peer::trainer;

namespace {
std::vector<streams::Document> text_of(char letter) { return {{std::string(200, letter), "test", 0}}; }
}  // namespace

TEST_CASE("every teacher has its own rows of a batch, and what was kept has its exact share of them") {
  Syllabus syllabus(kBytes, 8, 7, 0.5);
  syllabus.add(text_of('a'), {}, 1);
  syllabus.add(text_of('b'), text_of('B'), 2);
  syllabus.add(text_of('c'), text_of('C'), 3);
  // Rows 0-1, 2-3 and 4-6.
  std::int64_t kept_b = 0, kept_c = 0;
  for (std::int64_t step = 0; step < 100; ++step) {
    const streams::Batch& batch = syllabus.batch(step);
    REQUIRE(batch.rows == 7);
    REQUIRE(batch.tokens.size() == 7 * 9);
    const auto row_is = [&](std::int64_t row, char letter) {
      return std::all_of(batch.tokens.begin() + row * 9, batch.tokens.begin() + (row + 1) * 9,
                         [&](std::int32_t t) { return t == letter || t == 256; });
    };
    for (std::int64_t row : {0, 1}) CHECK(row_is(row, 'a'));
    for (std::int64_t row : {2, 3}) {
      CHECK((row_is(row, 'b') || row_is(row, 'B')));
      kept_b += row_is(row, 'B');
    }
    for (std::int64_t row : {4, 5, 6}) {
      CHECK((row_is(row, 'c') || row_is(row, 'C')));
      kept_c += row_is(row, 'C');
    }
  }
  CHECK(kept_b == 100);
  CHECK(kept_c == 150);
}
