#include "tests/bench/layer_benchmarks.h"

#include <fmt/format.h>

#include "tests/bench/machine_limits.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {
namespace {

std::string name_of(const PeerShape& s) { return fmt::format("E={} T={} D={}", s.experts(), s.tokens, s.width); }

// One share of a limit: `work` a token at the speed that a run of `run_work` reaches.
double share(double work, double run_work, double run_seconds) { return 1e6 * work / run_work * run_seconds; }

volatile float sink;

}  // namespace

void forward(Report& report, const PeerShape& s, int rounds, double target, double floor) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, false);
  SquareGemm square;
  bench.forward();
  const ops::ExpertRows rows = bench.block().experts().rows();
  const auto seconds =
      take_turns(Clock::kThread, rounds,
                 {[&] { bench.forward(); }, [&] { sink = gather_records(rows, bench.picked()); }, [&] { square.run(ctx); }});
  const double tokens = static_cast<double>(s.tokens), flops = s.query_flops() + s.score_flops();
  std::vector<double> measured, limit, percent;
  for (int r = 0; r < rounds; ++r) {
    const std::size_t i = static_cast<std::size_t>(r);
    measured.push_back(1e6 * seconds[0][i] / tokens);
    limit.push_back(1e6 * seconds[1][i] / tokens + share(flops, SquareGemm::flops(), seconds[2][i]));
    percent.push_back(100 * limit.back() / measured.back());
  }
  report.print({"peer.forward", name_of(s), "us/token", median(measured), median(limit), median(percent), target, floor, "", false});
}

void step(Report& report, const std::string& name, const PeerShape& s, int rounds, double target, double floor) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, true);
  SquareGemm square;
  bench.step();
  const ops::ExpertRows rows = bench.block().experts().rows();
  std::vector<std::int64_t> touched = bench.different();
  const View<const std::int64_t, 1> once(touched.data(), touched.size());
  const auto seconds =
      take_turns(Clock::kThread, rounds,
                 {[&] { bench.step(); }, [&] { sink = gather_records(rows, bench.picked()); }, [&] { modify_records(rows, once); },
                  [&] { square.run(ctx); }});
  const double tokens = static_cast<double>(s.tokens), flops = 3 * s.query_flops() + s.score_flops();
  std::vector<double> measured, limit, percent;
  for (int r = 0; r < rounds; ++r) {
    const std::size_t i = static_cast<std::size_t>(r);
    measured.push_back(1e6 * seconds[0][i] / tokens);
    limit.push_back(1e6 * (seconds[1][i] + seconds[2][i]) / tokens + share(flops, SquareGemm::flops(), seconds[3][i]));
    percent.push_back(100 * limit.back() / measured.back());
  }
  if (std::getenv("RATES")) {
    fmt::print("   gather {:.1f} GB/s, modify {:.1f} GB/s, gemm {:.1f} GFLOP/s; us/token gather {:.1f} modify {:.1f} gemm {:.1f}; touched {}\n",
               1e-9 * tokens * s.picks() * 8 * s.width / median(seconds[1]), 1e-9 * touched.size() * 48 * s.width / median(seconds[2]),
               1e-9 * SquareGemm::flops() / median(seconds[3]), 1e6 * median(seconds[1]) / tokens, 1e6 * median(seconds[2]) / tokens, share(flops, SquareGemm::flops(), median(seconds[3])), touched.size());
  }
  report.print({name, name_of(s), "us/token", median(measured), median(limit), median(percent), target, floor, "", false});
}

void profile(const PeerShape& s, int rounds) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, true);
  bench.step();
  Profile profile(CLOCK_THREAD_CPUTIME_ID);
  ctx.set_profile(&profile);
  const double seconds = seconds_of(Clock::kThread, [&] {
    for (int r = 0; r < rounds; ++r) bench.step();
  });
  const double scale = 1e6 / static_cast<double>(rounds * s.tokens);
  double sum = 0;
  fmt::print("profile of peer.step, {} (CPU time of one thread, us/token)\n", name_of(s));
  for (const Profile::Entry& e : profile.entries()) {
    fmt::print("  {:<28} {:>8.2f}  {:>4} calls\n", e.name, scale * e.seconds, e.calls / rounds);
    sum += e.seconds;
  }
  fmt::print("  {:<28} {:>8.2f}\n  {:<28} {:>8.2f}\n", "between ops", scale * (seconds - sum), "whole step", scale * seconds);
}

}  // namespace peer::bench
