#include "streams/reservoir.h"

#include "tests/support/catch.h"

using namespace peer;
using namespace peer::streams;

TEST_CASE("every excerpt of a stream is kept with the same probability M/n") {
  constexpr int kExcerpts = 40, kSlots = 10, kRuns = 4000;
  std::vector<double> kept(kExcerpts);
  for (int run = 0; run < kRuns; ++run) {
    Reservoir reservoir(kSlots * Reservoir::kExcerptBytes, static_cast<std::uint64_t>(run));
    for (int i = 0; i < kExcerpts; ++i) reservoir.add({std::to_string(i), "test", 0});
    REQUIRE(reservoir.kept().size() == kSlots);
    for (const Document& document : reservoir.kept()) kept[std::stoi(document.text)] += 1;
  }
  const double expected = static_cast<double>(kRuns) * kSlots / kExcerpts;
  double chi_square = 0;
  for (const double count : kept) chi_square += (count - expected) * (count - expected) / expected;
  CHECK(chi_square < 73.4);  // 39 degrees of freedom, p = 0.0007; the seeds are fixed
}

TEST_CASE("a reservoir never holds more bytes than it was given, whatever the documents' lengths") {
  Reservoir reservoir(20'000, 1);
  for (int i = 1; i < 60; ++i) reservoir.add({std::string(static_cast<std::size_t>(i * 977 % 9000 + 1), 'x'), "test", 0});
  std::size_t bytes = 0;
  for (const Document& document : reservoir.kept()) bytes += document.text.size();
  CHECK(bytes <= 20'000);
  CHECK(bytes > 10'000);
}

TEST_CASE("excerpts are cut at characters and lose nothing") {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "a\u00e4\u20ac\U0001F600";
  Reservoir reservoir(1 << 20, 1);
  reservoir.add({text, "test", 0});
  std::string joined;
  for (const Document& document : reservoir.kept()) {
    CHECK(document.text.size() <= static_cast<std::size_t>(Reservoir::kExcerptBytes));
    CHECK((static_cast<unsigned char>(document.text[0]) & 0xC0) != 0x80);
    joined += document.text;
  }
  CHECK(joined == text);
}

TEST_CASE("a reservoir goes on where an earlier one stopped as if it had never stopped") {
  Reservoir whole(5 * Reservoir::kExcerptBytes, 3), first(5 * Reservoir::kExcerptBytes, 3);
  for (int i = 0; i < 50; ++i) whole.add({std::to_string(i), "test", 0});
  for (int i = 0; i < 20; ++i) first.add({std::to_string(i), "test", 0});
  Reservoir second(5 * Reservoir::kExcerptBytes, 3, first.kept(), first.seen());
  for (int i = 20; i < 50; ++i) second.add({std::to_string(i), "test", 0});
  REQUIRE(second.kept().size() == whole.kept().size());
  for (std::size_t i = 0; i < whole.kept().size(); ++i) CHECK(second.kept()[i].text == whole.kept()[i].text);
  CHECK(second.seen() == 50);
}
