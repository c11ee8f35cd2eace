#include "tests/bench/growth_live.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "tests/bench/backed_memory.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {
namespace {

constexpr std::int64_t kStepsBefore = 80;
// Memory for the new experts is given back ahead of drawing, which takes more steps than these for all.
constexpr std::int64_t kAhead = 256 << 20, kStepsToGiveBack = 80;

// Seconds from one finished step to the next.
class Pauses {
 public:
  void note() {
    const double now = seconds_now(Clock::kWall);
    pauses_.push_back(now - last_);
    last_ = now;
  }
  std::int64_t count() const { return std::ssize(pauses_); }
  double first() const { return pauses_.front(); }
  double last() const { return pauses_.back(); }
  double longest() const { return *std::max_element(pauses_.begin(), pauses_.end()); }
  double typical() const { return median(pauses_); }
  // That 19 of 20 keep within: other programs lengthen the longest by a dozen steps, whether a grid grows or not.
  double usual() const {
    std::vector<double> sorted = pauses_;
    const auto at = sorted.begin() + std::ssize(sorted) * 19 / 20;
    std::nth_element(sorted.begin(), at, sorted.end());
    return *at;
  }
  double sum() const { return std::accumulate(pauses_.begin(), pauses_.end(), 0.0); }

 private:
  double last_ = seconds_now(Clock::kWall);
  std::vector<double> pauses_;
};

// Seconds, each of its own round, and the steps finished while a grid grew.
struct Growths {
  std::vector<double> step, extended, stall, longest, longest_before, drawn, steps;
};

std::vector<const std::byte*> records(const ops::ExpertRows& rows, std::int64_t count) {
  std::vector<const std::byte*> all(static_cast<std::size_t>(count));
  for (std::int64_t e = 0; e < count; ++e) all[static_cast<std::size_t>(e)] = rows.record(e);
  return all;
}

void grow(const PeerShape& s, std::int64_t side, bool backed, Growths& all) {
  Context ctx(Device{}, 2);
  PeerWorkbench bench(ctx, s, true);
  const auto& experts = bench.block().experts();
  bench.step();
  Pauses before;
  while (before.count() < kStepsBefore) bench.step(), before.note();
  const std::vector<const std::byte*> old = records(experts.rows(), s.experts());

  const std::int64_t added = (side * side - s.experts()) * ops::trainable_record_bytes(s.width);
  BackedMemory memory(backed ? added : 0);
  memory.give_back(kAhead);
  Pauses during;
  all.extended.push_back(seconds_of(Clock::kWall, [&] { bench.extend(side); }));
  while (!experts.drawn()) {
    memory.give_back(added / kStepsToGiveBack);
    bench.step(), during.note();
  }
  all.steps.push_back(static_cast<double>(during.count()));
  bench.open_all(), during.note();
  if (records(experts.rows(), s.experts()) != old) throw ContractError("growth.live: an old record moved");

  const double step = before.typical();
  all.step.push_back(step);
  all.stall.push_back(std::max({during.first() - step, during.usual() - before.usual(), during.last()}));
  all.longest.push_back(during.longest());
  all.longest_before.push_back(before.longest());
  all.drawn.push_back(during.sum());
}

double median_ratio(const std::vector<double>& of, const std::vector<double>& to) {
  std::vector<double> ratio(of.size());
  std::transform(of.begin(), of.end(), to.begin(), ratio.begin(), [](double a, double b) { return a / b; });
  return median(ratio);
}

}  // namespace

void growth_live(Report& report, const PeerShape& s, std::int64_t side, bool backed, int rounds, Goal goal) {
  Growths all;
  while (std::ssize(all.step) < rounds) grow(s, side, backed, all);
  const std::string shape = fmt::format("{} to {}{}", name_of(s), side * side, backed ? "" : " cold");
  const auto print = [&](const char* name, const std::vector<double>& seconds, const std::vector<double>& limit, double less, Goal of) {
    report.print(
        {name, shape, "ms", 1e3 * median(seconds), 1e3 * median(limit), median_ratio(seconds, all.step) - less, of, "steps", true});
  };
  print("growth.extend", all.extended, all.step, 0, {});
  print("growth.live", all.stall, all.step, 0, goal);
  print("growth.longest", all.longest, all.longest_before, 1, {});
  print("growth.drawn", all.drawn, all.step, 0, {});
  const double alone = median_ratio(all.drawn, all.step);
  report.print({"growth.meanwhile", shape, "steps", median(all.steps), alone, 100 * median(all.steps) / alone});
}

}  // namespace peer::bench
