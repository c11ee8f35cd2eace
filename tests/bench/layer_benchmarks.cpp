#include "tests/bench/layer_benchmarks.h"

#include <omp.h>

#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "tests/bench/machine_limits.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {
namespace {

double gemm_seconds(double flops, double square_seconds) { return flops / SquareGemm::flops() * square_seconds; }

// Turns the rounds of seconds of a whole batch into a line of microseconds a token.
template <class LimitOf>
Line line_of(const std::string& name, const PeerShape& s, const std::vector<std::vector<double>>& seconds, Goal goal, LimitOf&& limit_of) {
  std::vector<double> measured, limits, percent;
  const double scale = 1e6 / static_cast<double>(s.tokens);
  for (std::size_t round = 0; round < seconds[0].size(); ++round) {
    measured.push_back(scale * seconds[0][round]);
    limits.push_back(scale * limit_of([&](std::size_t run) { return seconds[run][round]; }));
    percent.push_back(100 * limits.back() / measured.back());
  }
  return {name, name_of(s), "us/token", median(measured), median(limits), median(percent), goal};
}

volatile float sink;  // what a limit reads must not be left out by the compiler

// For each pick of an expert that was picked several times: the expert, and the token, in the order of the experts.
struct SharedPicks {
  std::vector<std::int64_t> expert, token;
};

SharedPicks shared_picks(View<const std::int64_t, 1> picked, std::int64_t picks, std::int64_t experts) {
  std::vector<std::int64_t> times(static_cast<std::size_t>(experts));
  for (std::int64_t i = 0; i < picked.shape[0]; ++i) ++times[static_cast<std::size_t>(picked[i])];
  std::vector<std::pair<std::int64_t, std::int64_t>> sorted;
  SharedPicks shared;
  for (std::int64_t i = 0; i < picked.shape[0]; ++i)
    if (times[static_cast<std::size_t>(picked[i])] > 1) {
      shared.expert.push_back(picked[i]);
      sorted.emplace_back(picked[i], i / picks);
    }
  std::sort(sorted.begin(), sorted.end());
  for (const auto& pick : sorted) shared.token.push_back(pick.second);
  return shared;
}

template <class T>
View<const T, 1> view_of(const std::vector<T>& v) {
  return {v.data(), static_cast<std::int64_t>(v.size())};
}

}  // namespace

void limits(Report& report, const PeerShape& s, int rounds) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, true);
  SquareGemm square;
  bench.forward();
  const ops::ExpertRows rows = bench.block().experts().rows();
  const std::vector<std::int64_t> once = bench.different();
  const auto seconds = take_turns(
      Clock::kThread, rounds,
      {[&] { sink = gather_records(rows, bench.picked()); }, [&] { modify_records(rows, view_of(once)); }, [&] { square.run(ctx); }});
  const double picks = static_cast<double>(bench.picked().shape[0]), row_bytes = static_cast<double>(rows.parameter_bytes()),
               record_bytes = row_bytes + 16 * static_cast<double>(s.width);
  report.print({"limit.gather", name_of(s), "GB/s", 1e-9 * picks * row_bytes / median(seconds[0])});
  report.print({"limit.rmw", name_of(s), "GB/s", 1e-9 * static_cast<double>(once.size()) * 2 * record_bytes / median(seconds[1])});
  report.print({"limit.gemm", "1024 x 1024 x 1024", "GFLOP/s", 1e-9 * SquareGemm::flops() / median(seconds[2])});
}

void forward(Report& report, const PeerShape& s, int rounds, Goal goal) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, false);
  SquareGemm square;
  bench.forward();
  const ops::ExpertRows rows = bench.block().experts().rows();
  const auto seconds = take_turns(
      Clock::kThread, rounds, {[&] { bench.forward(); }, [&] { sink = gather_records(rows, bench.picked()); }, [&] { square.run(ctx); }});
  const double flops = static_cast<double>(s.tokens) * (s.query_flops() + s.score_flops());
  report.print(line_of("peer.forward", s, seconds, goal, [&](auto&& of) { return of(1) + gemm_seconds(flops, of(2)); }));
}

void rows_bf16(Report& report, PeerShape s, int rounds, Goal goal) {
  Context ctx(Device{}, 1);
  PeerWorkbench fp32(ctx, s, false);
  s.rows = Element::kBfloat16;
  PeerWorkbench bf16(ctx, s, false);
  fp32.forward(), bf16.forward();
  const auto seconds = take_turns(Clock::kThread, rounds, {[&] { fp32.mix(); }, [&] { bf16.mix(); }});
  std::vector<double> gain;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) gain.push_back(seconds[0][r] / seconds[1][r]);
  report.print({"rows.bf16", name_of(s), "us/token", 1e6 * median(seconds[1]) / static_cast<double>(s.tokens), 0, median(gain), goal, "x"});
}

void step(Report& report, const std::string& name, const PeerShape& s, int rounds, Goal goal) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, true);
  SquareGemm square;
  bench.step();
  const ops::ExpertRows rows = bench.block().experts().rows();
  const std::vector<std::int64_t> once = bench.different();
  const SharedPicks shared = shared_picks(bench.picked(), s.picks(), s.experts());
  Buffer<float> vectors(s.tokens * 2 * s.width);  // x and dy of each token, as records of one page
  const ops::ExpertPage page{reinterpret_cast<std::byte*>(vectors.data()), ops::frozen_record_bytes(s.width)};
  const ops::ExpertRows tokens{&page, 40, s.width, s.tokens};
  const auto seconds = take_turns(
      Clock::kThread, rounds,
      {[&] { bench.step(); }, [&] { sink = gather_records(rows, bench.picked()); },
       [&] { sink = gather_records(rows, view_of(shared.expert)); }, [&] { sink = gather_records(tokens, view_of(shared.token)); },
       [&] { modify_records(rows, view_of(once)); }, [&] { square.run(ctx); }});
  const double flops = static_cast<double>(s.tokens) * (3 * s.query_flops() + s.score_flops());
  report.print(line_of(name, s, seconds, goal, [&](auto&& of) { return of(1) + of(2) + of(3) + of(4) + gemm_seconds(flops, of(5)); }));
}

void growth_cost(Report& report, const std::vector<std::int64_t>& sides, int rounds, Goal goal) {
  double first = 0;
  for (const std::int64_t side : sides) {
    Context ctx(Device{}, 1);
    const PeerShape s{.side = side};
    PeerWorkbench bench(ctx, s, false);
    const auto seconds = take_turns(Clock::kThread, rounds, {[&] { bench.forward(); }});
    const double measured = 1e6 * median(seconds[0]) / static_cast<double>(s.tokens);
    if (first == 0) first = measured;
    const bool last = side == sides.back();
    report.print({"growth.cost", name_of(s), "us/token", measured, 0, measured / first, last ? goal : Goal{}, "x", true});
  }
}

void thread_scale(Report& report, const PeerShape& s, int rounds, Goal goal) {
  Context one(Device{}, 1), two(Device{}, 2);
  PeerWorkbench bench(two, s, true);
  const auto run = [&](Context& ctx) {
    omp_set_num_threads(ctx.threads());  // what the GEMM takes
    bench.step(ctx);
  };
  const auto seconds = take_turns(Clock::kWall, rounds, {[&] { run(one); }, [&] { run(two); }});
  std::vector<double> scale;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) scale.push_back(seconds[0][r] / seconds[1][r]);
  report.print(
      {"threads.scale", name_of(s), "us/token", 1e6 * median(seconds[1]) / static_cast<double>(s.tokens), 0, median(scale), goal, "x"});
}

void memory_peak(Report& report, const PeerShape& s, Goal goal) {
  Context ctx(Device{}, 1);
  PeerWorkbench bench(ctx, s, true);
  for (int i = 0; i < 2; ++i) bench.step();
  std::ifstream status("/proc/self/status");
  double peak_bytes = 0;
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) peak_bytes = 1024.0 * std::stod(line.substr(6));
  const double pool_bytes = static_cast<double>(s.experts() * ops::trainable_record_bytes(s.width));
  report.print({"memory.peak", name_of(s), "MiB", peak_bytes / 0x1p20, pool_bytes / 0x1p20, peak_bytes / pool_bytes, goal, "x", true});
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
  fmt::print("profile of a step, {} (CPU time of one thread, us/token)\n", name_of(s));
  print_profile(profile, rounds, s.tokens, seconds);
  const Buffer<std::int32_t>& row = bench.saved().row;
  const std::set<std::int32_t> rows(row.data(), row.data() + row.size());
  fmt::print("  picked of the first half's sub-keys: {} of {}\n", rows.size(), s.side);
}

}  // namespace peer::bench
