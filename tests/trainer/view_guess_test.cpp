#include "trainer/evaluation/view_guess.h"

#include <cmath>

#include "peer/base/philox.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::trainer;

namespace {

using Tables = std::vector<std::vector<float>>;  // by view and byte

// View g's statistics give byte t `near` nats where the text is its own, `far` elsewhere.
Tables owned(const std::vector<int>& owner, int views, float near = -2, float far = -4) {
  Tables log_p(views, std::vector<float>(owner.size()));
  for (int g = 0; g < views; ++g)
    for (std::size_t t = 0; t < owner.size(); ++t) log_p[g][t] = owner[t] == g ? near : far;
  return log_p;
}

// The chain's exact chances by summing over every path of views: small cases only.
Tables by_all_paths(const Tables& log_p) {
  const std::size_t views = log_p.size(), bytes = log_p[0].size();
  std::size_t paths = 1;
  for (std::size_t t = 0; t < bytes; ++t) paths *= views;
  std::vector<std::vector<double>> sum(views, std::vector<double>(bytes));
  double total = 0;
  for (std::size_t path = 0; path < paths; ++path) {
    std::vector<std::size_t> at;
    for (std::size_t t = 0, rest = path; t < bytes; ++t, rest /= views) at.push_back(rest % views);
    double p = 1;
    for (std::size_t t = 0; t < bytes; ++t) {
      p *= std::exp(0.5 * log_p[at[t]][t]);
      if (t > 0) p *= (at[t] == at[t - 1] ? 1 - 0.02 : 0) + 0.02 / static_cast<double>(views);
    }
    total += p;
    for (std::size_t t = 0; t < bytes; ++t) sum[at[t]][t] += p;
  }
  Tables chances(views, std::vector<float>(bytes));
  for (std::size_t g = 0; g < views; ++g)
    for (std::size_t t = 0; t < bytes; ++t) chances[g][t] = static_cast<float>(sum[g][t] / total);
  return chances;
}

}  // namespace

TEST_CASE("chances are those of the hidden Markov chain, summed over all of its paths") {
  const Random random(3, Purpose::kTest);
  Tables log_p(3, std::vector<float>(7));
  std::uint64_t i = 0;
  for (auto& row : log_p)
    for (float& x : row) x = -6 * static_cast<float>(random.uniform(i++));
  const Tables expected = by_all_paths(log_p), found = view_chances(log_p);
  for (std::size_t g = 0; g < 3; ++g)
    for (std::size_t t = 0; t < 7; ++t) CHECK(found[g][t] == Approx(expected[g][t]).epsilon(1e-4));
}

TEST_CASE("a view reads the stretch that is its own, and the others do not") {
  std::vector<int> owner(1024, 1);
  for (std::size_t t = 500; t < 700; ++t) owner[t] = 2;
  const Tables chances = view_chances(owned(owner, 3));
  CHECK(chances[1][0] > 0.9f);  // the text behind it tells whose the first byte is
  const auto windows = windows_of(1025, 128, 0.5);
  const auto needed = needed_views(chances, windows, 0.03);
  for (std::size_t w = 0; w < windows.size(); ++w) {
    INFO("window of " << windows[w].score_begin << " to " << windows[w].end);
    CHECK_FALSE(needed[0][w]);
    const bool holds_1 = windows[w].score_begin < 500 || windows[w].end > 700,
               holds_2 = windows[w].score_begin < 700 && windows[w].end > 500;
    if (holds_1) CHECK(needed[1][w]);
    if (holds_2) CHECK(needed[2][w]);
    if (windows[w].end < 480 || windows[w].score_begin > 720) CHECK_FALSE(needed[2][w]);
  }
}

TEST_CASE("every window is read by somebody, however much is asked for, and by all when nothing is") {
  const Random random(5, Purpose::kTest);
  Tables log_p(4, std::vector<float>(300));
  std::uint64_t i = 0;
  for (auto& row : log_p)
    for (float& x : row) x = -5 * static_cast<float>(random.uniform(i++));
  const Tables chances = view_chances(log_p);
  const auto windows = windows_of(301, 64, 0.5);
  const auto strict = needed_views(chances, windows, 1.1), all = needed_views(chances, windows, 0);
  for (std::size_t w = 0; w < windows.size(); ++w) {
    int readers = 0;
    for (std::size_t g = 0; g < 4; ++g) {
      readers += strict[g][w];
      CHECK(all[g][w]);
    }
    CHECK(readers == 1);
  }
}

TEST_CASE("a document of one byte, and a last window that scores its end alone, have a reader") {
  const Tables one = {{-1.0f}, {-2.0f}};
  CHECK(needed_views(view_chances(one), windows_of(2, 64, 0.5), 2)[0][0]);
  // 64 bytes and an end: the second window scores nothing but the end.
  const Tables log_p = owned(std::vector<int>(64, 1), 2);
  const auto windows = windows_of(65, 64, 0.5);
  REQUIRE(windows.back().score_begin == 64);
  CHECK(needed_views(view_chances(log_p), windows, 2)[1].back());
}
