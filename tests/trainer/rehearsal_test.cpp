#include "trainer/strategies/rehearsal.h"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.h"
#include "tests/trainer/byte_model.h"

using namespace peer;
using namespace peer::trainer;

namespace {

constexpr std::int64_t kRows = 16, kLength = 8;

std::vector<std::vector<streams::Document>> domains(int count) {
  std::vector<std::vector<streams::Document>> list;
  for (int d = 0; d < count; ++d) list.push_back({{std::string(500, static_cast<char>('a' + d)), "test", 0}});
  return list;
}

streams::Batch new_text() { return {kRows, kLength, std::vector<std::int32_t>(kRows * (kLength + 1), 'N'), kRows * kLength}; }

bool is_replayed(const streams::Batch& batch, std::int64_t row) {
  const auto begin = batch.tokens.begin() + row * (kLength + 1);
  return std::find(begin, begin + kLength + 1, 'N') == begin + kLength + 1;
}

}  // namespace

TEST_CASE("the share of replayed windows is exact over a thousand batches, whatever the share") {
  for (const double share : {0.05, 0.25, 1.0 / 3, 0.9}) {
    Rehearsal rehearsal(domains(3), kBytes, share, kLength, 1);
    std::int64_t replayed = 0;
    for (std::int64_t step = 0; step < 1000; ++step) {
      streams::Batch batch = new_text();
      rehearsal.mix(batch, step);
      for (std::int64_t row = 0; row < kRows; ++row) replayed += is_replayed(batch, row);
      REQUIRE(replayed == static_cast<std::int64_t>(std::floor(static_cast<double>(step + 1) * share * kRows)));
    }
  }
}

TEST_CASE("domains take turns, so each gets the same share; a share of 1 makes room for the new one") {
  Rehearsal rehearsal(domains(3), kBytes, 1, kLength, 1);
  CHECK(rehearsal.share() == 0.75);
  std::int64_t count[4] = {};
  for (std::int64_t step = 0; step < 100; ++step) {
    streams::Batch batch = new_text();
    rehearsal.mix(batch, step);
    for (std::int64_t row = 0; row < kRows; ++row) {
      const auto begin = batch.tokens.begin() + row * (kLength + 1);
      for (int d = 0; d < 3; ++d) count[d] += std::find(begin, begin + kLength + 1, 'a' + d) != begin + kLength + 1;
      count[3] += !is_replayed(batch, row);
    }
  }
  for (const std::int64_t windows : count) CHECK(windows == 400);
}

TEST_CASE("a rehearsal that starts at step n mixes what one that ran until there would") {
  Rehearsal whole(domains(3), kBytes, 0.3, kLength, 5), late(domains(3), kBytes, 0.3, kLength, 5);
  for (std::int64_t step = 0; step < 50; ++step) {
    streams::Batch expected = new_text();
    whole.mix(expected, step);
    if (step < 20) continue;
    streams::Batch batch = new_text();
    late.mix(batch, step);
    REQUIRE(batch.tokens == expected.tokens);
    REQUIRE(batch.bytes == expected.bytes);
  }
}

TEST_CASE("bytes of the batch are counted anew: an end of a document is none") {
  Rehearsal rehearsal({{{"ab", "test", 0}}}, kBytes, 0.5, kLength, 1);  // windows of [eod a b eod a b ...]
  streams::Batch batch = new_text();
  rehearsal.mix(batch, 0);
  std::int64_t bytes = 0;
  for (std::int64_t row = 0; row < kRows; ++row)
    for (std::int64_t t = 1; t <= kLength; ++t) bytes += batch.tokens[row * (kLength + 1) + t] < 256;
  CHECK(batch.bytes == bytes);
  CHECK(bytes < kRows * kLength);
}

TEST_CASE("filling replaces every row, domains in turn, and may start at any step") {
  Rehearsal whole(domains(3), kBytes, 1, kLength, 5), late(domains(3), kBytes, 1, kLength, 5);
  for (std::int64_t step = 0; step < 20; ++step) {
    streams::Batch batch = new_text(), again = new_text();
    whole.fill(batch, step);
    for (std::int64_t row = 0; row < kRows; ++row) REQUIRE(is_replayed(batch, row));
    if (step < 7) continue;
    late.fill(again, step);
    REQUIRE(again.tokens == batch.tokens);
  }
}
