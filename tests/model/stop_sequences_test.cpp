#include "peer/model/stop_sequences.h"

#include <algorithm>
#include <string>

#include "peer/base/philox.h"
#include "tests/support/catch.h"

using namespace peer;
using model::StopSequences;

namespace {

std::vector<std::int32_t> tokens_of(const std::string& text) { return {text.begin(), text.end()}; }

// What passes of `text`, with "|" before what passed at its end alone.
std::string passed(const std::string& text, const std::vector<std::string>& stops) {
  std::vector<std::vector<std::int32_t>> sequences;
  for (const std::string& stop : stops) sequences.push_back(tokens_of(stop));
  StopSequences stop(sequences);
  std::string out;
  for (const char c : text) {
    for (const std::int32_t token : stop.pass(c)) out.push_back(static_cast<char>(token));
    if (stop.ended()) return out;
  }
  const auto rest = stop.rest();
  if (!rest.empty()) out.push_back('|');
  for (const std::int32_t token : rest) out.push_back(static_cast<char>(token));
  return out;
}

// The text up to where the first complete stop text begins, read anew at every character.
std::string cut(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::size_t longest = 0;
    for (const std::string& stop : stops)
      if (text.substr(0, end).ends_with(stop)) longest = std::max(longest, stop.size());
    if (longest > 0) return text.substr(0, end - longest);
  }
  return text;
}

}  // namespace

TEST_CASE("a text passes up to the stop sequence, and what might be one is held back no longer than it might") {
  CHECK(passed("one two three", {}) == "one two three");
  CHECK(passed("one two three", {" t"}) == "one");
  CHECK(passed("aab", {"ab"}) == "a");
  CHECK(passed("abcx", {"abcd"}) == "abcx");
  CHECK(passed("xabc", {"abcd"}) == "x|abc");
  CHECK(passed("abcabcd", {"abcd"}) == "abc");
  CHECK(passed("abcd", {"bcd", "cd", "abcd"}) == "");
  CHECK(passed("abcd", {"bc", "abcd"}) == "a");
}

TEST_CASE("whatever the text and the sequences, it passes whole or up to the first of them") {
  const Random random(9, Purpose::kTest);
  std::uint64_t drawn = 0;
  int ended = 0;
  for (int round = 0; round < 2000; ++round) {
    const auto word = [&](std::uint64_t most) {
      std::string text;
      for (std::uint64_t left = 1 + random.below(drawn++, most); left > 0; --left)
        text.push_back(static_cast<char>('a' + random.below(drawn++, 2)));
      return text;
    };
    const std::string text = word(12);
    const std::vector<std::string> stops = {word(5), word(5), word(5)};
    std::string found = passed(text, stops);
    std::erase(found, '|');
    CAPTURE(text, stops);
    CHECK(found == cut(text, stops));
    ended += found != text;
  }
  CHECK(ended > 200);
  CHECK(ended < 1990);
}
