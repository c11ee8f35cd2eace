#include "trainer/state/byte_bigrams.h"

#include <cmath>

#include "peer/base/error.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

TEST_CASE("the probability of a byte is Witten and Bell's, by hand") {
  ByteBigrams bigrams;
  bigrams.add("abab");
  bigrams.add("aac");
  // Single bytes: a 4, b 2, c 1 of 7, three different: p(a) = (4 + 3/256) / 10.
  // After a: a 1, b 2, c 1 of 4, three different: p(b|a) = (2 + 3 p(b)) / 7.
  const double p_b = (2 + 3.0 / 256) / 10, p_z = (3.0 / 256) / 10;
  const auto table = bigrams.log_probabilities();
  CHECK(table['a' * 256 + 'b'] == Approx(std::log((2 + 3 * p_b) / 7)).epsilon(1e-6));
  CHECK(table['a' * 256 + 'z'] == Approx(std::log(3 * p_z / 7)).epsilon(1e-6));
  CHECK(table['q' * 256 + 'b'] == Approx(std::log(p_b)).epsilon(1e-6));  // nothing seen after q
  // Both documents begin with a.
  CHECK(table[256 * 256 + 'a'] == Approx(std::log((2 + (4 + 3.0 / 256) / 10) / 3)).epsilon(1e-6));
  CHECK(score_bytes(table, "ab") == std::vector<float>{table[256 * 256 + 'a'], table['a' * 256 + 'b']});
}

TEST_CASE("after every byte the probabilities sum to one, with text or without") {
  ByteBigrams some;
  some.add("to be or not to be");
  for (const ByteBigrams& bigrams : {ByteBigrams(), some}) {
    const auto table = bigrams.log_probabilities();
    for (std::int64_t a : {0L, 'b' + 0L, ' ' + 0L, 256L}) {
      double sum = 0;
      for (std::int64_t b = 0; b < 256; ++b) sum += std::exp(table[a * 256 + b]);
      CHECK(sum == Approx(1).epsilon(1e-5));
    }
  }
}

TEST_CASE("statistics of two texts add up, and come back from their counts") {
  ByteBigrams a, b, both;
  a.add("one text"), b.add("another"), both.add("one text"), both.add("another");
  a.add(b);
  CHECK(a.counts() == both.counts());
  CHECK(ByteBigrams(both.counts()).log_probabilities() == both.log_probabilities());
  CHECK(ByteBigrams().empty());
  CHECK_FALSE(both.empty());
}

TEST_CASE("numbers that are no counts are refused") {
  std::vector<float> counts(257 * 256);
  CHECK_THROWS_AS(ByteBigrams(std::vector<float>(5)), CorruptError);
  counts[3] = -1;
  CHECK_THROWS_AS(ByteBigrams(counts), CorruptError);
  counts[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(ByteBigrams(counts), CorruptError);
}
