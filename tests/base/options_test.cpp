#include "peer/base/options.h"

#include "tests/support/catch.h"

using namespace peer;

namespace {
struct Example {
  std::int64_t steps = 400;
  double rate = 0.002;
  bool strict = false;
  std::vector<std::int64_t> layers = {1, 2};
  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.steps, OptionInfo{"steps", "optimizer steps"});
    visit(self.rate, OptionInfo{"learning-rate", "peak rate"});
    visit(self.strict, OptionInfo{"strict", "stop at the first bad document"});
    visit(self.layers, OptionInfo{"peer-layers", "which blocks"});
  }
};
}  // namespace

TEST_CASE("every option survives being written as text and read back") {
  Example changed{1234567, 0.1, true, {0, 5, 7}};
  Example read;
  for (const auto& [name, text] : options_map(changed)) CHECK(set_option(read, name, text));
  CHECK(options_map(read) == options_map(changed));
  CHECK(options_fingerprint(read) == options_fingerprint(changed));
  CHECK(options_fingerprint(read) != options_fingerprint(Example{}));
}

TEST_CASE("a number with trailing junk, an overflow or a wrong type is refused with the option's name") {
  Example e;
  CHECK_THROWS_WITH(set_option(e, "steps", "12x"), Catch::Contains("'steps'") && Catch::Contains("12x"));
  CHECK_THROWS_AS(set_option(e, "steps", "9223372036854775807k"), UsageError);
  CHECK_THROWS_AS(set_option(e, "learning-rate", "nan"), UsageError);
  CHECK_THROWS_AS(set_option(e, "strict", "perhaps"), UsageError);
  CHECK(set_option(e, "steps", "2k"));
  CHECK(e.steps == 2000);
}

TEST_CASE("a misspelt name brings the nearest valid one") {
  Example e;
  CHECK_FALSE(set_option(e, "stepz", "3"));
  CHECK(nearest_name("stepz", option_names<Example>()) == "steps");
  CHECK(nearest_name("learning-rat", option_names<Example>()) == "learning-rate");
  CHECK(nearest_name("zebra", option_names<Example>()).empty());
}

TEST_CASE("a list of texts survives commas and backslashes in them") {
  const std::vector<std::string> lists[] = {{}, {"a"}, {"a,b"}, {"/mail, 2024/x.txt", "c:\\d", "\\,", ","}, {"a", "", "b"}};
  for (const auto& list : lists) {
    std::vector<std::string> read;
    parse_text("from", to_text(list), read);
    CHECK(read == list);
  }
  std::vector<std::string> read;
  parse_text("from", "a,b\\,c,d\\e", read);  // a backslash before any other letter is itself
  CHECK(read == std::vector<std::string>{"a", "b,c", "d\\e"});
}
