#include "trainer/view_schedule.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "peer/base/philox.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

namespace {

constexpr std::int64_t kTokens = 4096, kLength = 128, kFresh = 64;
constexpr double kSleep = 0.05;
using Tables = std::vector<std::vector<float>>;  // by view and token: natural log-probability

// A document whose tokens cost `near` nats with the view that owns them and `far` with every other; a view owns [i, i+1) * T / owners.
Tables tables(int views, const std::vector<int>& owners, float near = 1.0f, float far = 4.0f) {
  Tables log_p(views, std::vector<float>(kTokens));
  for (int g = 0; g < views; ++g)
    for (std::int64_t t = 0; t < kTokens; ++t) log_p[g][t] = owners[t * owners.size() / kTokens] == g ? -near : -far;
  return log_p;
}

struct Outcome {
  double bits = 0;
  std::size_t reads = 0;
  std::vector<std::vector<bool>> read;  // by view and window
};

// Reads what the schedule asks for and shows it nothing else.
Outcome follow(const Tables& all, const model::MixtureOptions& mixture, double sleep) {
  const auto windows = windows_of(kTokens, kLength, 1.0 - static_cast<double>(kFresh) / kLength);
  ViewSchedule schedule(windows, static_cast<int>(all.size()), mixture, sleep);
  Tables shown(all.size(), std::vector<float>(kTokens, std::numeric_limits<float>::quiet_NaN()));
  Outcome outcome;
  outcome.read.assign(all.size(), std::vector<bool>(windows.size()));
  for (auto reads = schedule.advance(shown); !reads.empty(); reads = schedule.advance(shown))
    for (const auto& [g, w] : reads) {
      CHECK_FALSE(outcome.read[g][w]);  // never twice
      outcome.read[g][w] = true;
      ++outcome.reads;
      for (std::int64_t t = windows[w].score_begin; t < windows[w].end; ++t) shown[g][t] = all[g][t];
    }
  outcome.bits = schedule.bits();
  return outcome;
}

double full_mixture(const Tables& log_p, const model::MixtureOptions& options) {
  model::Mixture mixture(static_cast<int>(log_p.size()), options);
  std::vector<double> at_token(log_p.size());
  double nats = 0;
  for (std::int64_t t = 0; t < kTokens; ++t) {
    for (std::size_t g = 0; g < log_p.size(); ++g) at_token[g] = log_p[g][t];
    nats -= mixture.update(at_token);
  }
  return nats / std::numbers::ln2;
}

double window_count() { return static_cast<double>(windows_of(kTokens, kLength, 0.5).size()); }

}  // namespace

TEST_CASE("without sleep every view reads every window once, and the mixture is the full one") {
  const Tables log_p = tables(3, {0, 2, 1, 0});
  const Outcome outcome = follow(log_p, {}, 0);
  CHECK(outcome.reads == 3 * window_count());
  CHECK(outcome.bits == Approx(full_mixture(log_p, {})).epsilon(1e-12));
}

TEST_CASE("hopeless views read the first window alone, and cost no more than the switch share that they lose") {
  const model::MixtureOptions options;
  const Tables log_p = tables(8, {3});
  const Outcome outcome = follow(log_p, options, kSleep);
  CHECK(outcome.reads == window_count() + 7);
  const double full = full_mixture(log_p, options);
  CHECK(outcome.bits >= full);
  CHECK(outcome.bits <= full - static_cast<double>(kTokens) * std::log2(1 - options.switch_share));
}

TEST_CASE("the view that owns a document is held to its bound when the others sleep") {
  const model::MixtureOptions options;
  const int owner = GENERATE(0, 3, 7);
  const Outcome outcome = follow(tables(8, {owner}), options, kSleep);
  const double alone = static_cast<double>(kTokens) / std::numbers::ln2, prior = model::Mixture(8, options).prior()[owner];
  CHECK(outcome.bits <= alone - std::log2(prior) - static_cast<double>(kTokens) * std::log2(1 - options.switch_share));
}

TEST_CASE("after a switch the sleeping view is awake in the very window of the switch") {
  const Tables log_p = tables(8, {2, 5});
  const Outcome outcome = follow(log_p, {}, kSleep);
  const std::size_t at_switch = kTokens / 2 / kFresh - 1;  // the first window is two long; the switch is at its first token
  CHECK(outcome.read[5][0]);
  for (std::size_t w = 1; w < at_switch; ++w) CHECK_FALSE(outcome.read[5][w]);
  for (std::size_t w = at_switch; w < static_cast<std::size_t>(window_count()); ++w) CHECK(outcome.read[5][w]);
  CHECK(outcome.bits - full_mixture(log_p, {}) < 0.001 * kTokens);
}

TEST_CASE("sleeping never costs less than the full mixture, whatever the views predict") {
  const Random random(5, Purpose::kTest);
  std::uint64_t draw = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const int views = 2 + static_cast<int>(random.below(draw++, 5));
    std::vector<int> owners;
    for (int i = 0; i < 8; ++i) owners.push_back(static_cast<int>(random.below(draw++, views)));
    Tables log_p = tables(views, owners, 1.0f, 1.2f + 3.0f * static_cast<float>(random.uniform(draw++)));
    for (auto& table : log_p)
      for (float& p : table) p -= static_cast<float>(2 * random.uniform(draw++));
    const Outcome outcome = follow(log_p, {}, 0.3 * random.uniform(draw++));
    CHECK(outcome.bits >= full_mixture(log_p, {}) - 1e-6);
    CHECK(outcome.reads <= views * window_count());
  }
}

TEST_CASE("without a switch share nobody sleeps: who lost the weight could never win it back") {
  const Outcome outcome = follow(tables(4, {0, 1}), {.newest_prior = 0.1, .switch_share = 0}, kSleep);
  CHECK(outcome.reads == 4 * window_count());
}

TEST_CASE("two views of equal merit stay awake together") {
  Tables log_p = tables(3, {0});
  log_p[1] = log_p[0];
  const Outcome outcome = follow(log_p, {}, kSleep);
  CHECK(outcome.reads == 2 * window_count() + 1);
}
