#include "tests/bench/op_benchmarks.h"

#include <algorithm>

#include <fmt/format.h>

#include "peer/device/rounded_gemm.h"
#include "peer/layers/initialise.h"
#include "peer/ops/adamw_rows.h"
#include "peer/ops/product_key_scores.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {

void topk_row(Report& report, std::int64_t side, int rounds, Goal goal, Goal whole) {
  constexpr std::int64_t kTokens = 256, kHeads = 8, kPicks = 16, kHalf = 128;
  Context ctx(Device{}, 1);
  Buffer<float> query(kTokens * kHeads * 2 * kHalf), keys(2 * side * kHalf), score(kTokens * kHeads * kPicks);
  Buffer<float> scores(kTokens * kHeads * side);
  Buffer<std::int32_t> row(score.size()), column(score.size());
  layers::initialise_normal(query.data(), query.size(), 1, 1, "query");
  layers::initialise_normal(keys.data(), keys.size(), 1, 1, "keys");
  const ops::ProductKeyTopK op{
      query.view(kTokens, kHeads, 2, kHalf), {keys.data(), 1, side, kHalf},        {keys.data() + side * kHalf, 1, side, kHalf}, side,
      row.view(kTokens, kHeads, kPicks),     column.view(kTokens, kHeads, kPicks), score.view(kTokens, kHeads, kPicks)};
  // The scores go chunk by chunk, as in the op, so that they stay in the cache.
  const std::int64_t chunk = std::clamp<std::int64_t>(64 * 1024 / side, 16, kTokens);
  const auto score_all = [&] {
    for (std::int64_t first = 0; first < kTokens; first += chunk)
      for (int half = 0; half < 2; ++half) ops::score_half(ctx, op, half, first, std::min(chunk, kTokens - first), scores.data());
  };
  const auto seconds = take_turns(Clock::kThread, rounds, {[&] { ops::product_key_topk(ctx, op); }, score_all});
  const double scale = 1e9 / (kTokens * kHeads * 2);
  std::vector<double> ns, percent;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) {
    ns.push_back(scale * (seconds[0][r] - seconds[1][r]));
    percent.push_back(100 * seconds[1][r] / seconds[0][r]);
  }
  const std::string shape = fmt::format("n={} K={}", side, kPicks);
  report.print({"topk.row", shape, "ns/row", median(ns), 0, median(ns), goal, "ns", true});
  report.print({"topk.scored", shape, "ns/row", scale * median(seconds[0]), scale * median(seconds[1]), median(percent), whole});
}

void adamw_touched(Report& report, PeerWorkbench& bench, std::int64_t every, int rounds, Goal goal) {
  constexpr std::int64_t kChunk = 256;
  const std::int64_t width = bench.shape().width;
  Context ctx(Device{}, 1);
  std::vector<std::int64_t> expert;
  for (std::int64_t e = 0; e < bench.shape().experts(); e += every) expert.push_back(e);
  const auto count = static_cast<std::int64_t>(expert.size());
  Buffer<float> gradient(kChunk * 2 * width);
  layers::initialise_normal(gradient.data(), gradient.size(), 1e-3, 1, "gradient");
  const ops::ExpertRows rows = bench.block().experts().rows();
  const auto update = [&] {
    for (std::int64_t first = 0; first < count; first += kChunk) {
      const std::int64_t c = std::min(kChunk, count - first);
      ops::adamw_rows(
          ctx, {.rates = {}, .clip = 1, .expert = {expert.data() + first, c}, .gradient = gradient.view(c, 2 * width), .rows = rows});
    }
  };
  const auto seconds = take_turns(Clock::kThread, rounds, {update, [&] { modify_records(rows, {expert.data(), count}); }});
  std::vector<double> percent;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) percent.push_back(100 * seconds[1][r] / seconds[0][r]);
  const double scale = 1e9 / static_cast<double>(count);
  report.print({"adamw.touched", fmt::format("E={} D={} {:.3g}%", bench.shape().experts(), width, 100.0 / static_cast<double>(every)),
                "ns/row", scale * median(seconds[0]), scale * median(seconds[1]), median(percent), goal});
}

void bf16_products(Report& report, std::int64_t tokens, std::int64_t inputs, std::int64_t outputs, int rounds) {
  Context ctx(Device{}, 1);
  Buffer<float> x(tokens * inputs), dx(tokens * inputs), y(tokens * outputs), weight(outputs * inputs), dweight(outputs * inputs);
  layers::initialise_normal(x.data(), x.size(), 1, 1, "x");
  layers::initialise_normal(weight.data(), weight.size(), 1, 1, "weight");
  const Matrix<float> x_matrix = x.view(tokens, inputs), y_matrix = y.view(tokens, outputs), w = weight.view(outputs, inputs);
  const auto products = [&](Precision precision) {
    const PrecisionScope scope(ctx, precision);
    rounded_gemm(ctx, x_matrix, Transpose::kNo, w, Transpose::kYes, 0, y_matrix);
    rounded_gemm(ctx, y_matrix, Transpose::kNo, w, Transpose::kNo, 0, dx.view(tokens, inputs));
    rounded_gemm(ctx, y_matrix, Transpose::kYes, x_matrix, Transpose::kNo, 1, dweight.view(outputs, inputs));
  };
  const auto seconds = take_turns(Clock::kThread, rounds, {[&] { products(Precision::kBf16); }, [&] { products(Precision::kFp32); }});
  std::vector<double> faster;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) faster.push_back(seconds[1][r] / seconds[0][r]);
  const double gflops = 1e-9 * 6 * static_cast<double>(tokens) * static_cast<double>(inputs * outputs);
  report.print({"gemm.bf16",
                fmt::format("N={} {} to {}", tokens, inputs, outputs),
                "GFLOP/s",
                gflops / median(seconds[0]),
                gflops / median(seconds[1]),
                median(faster),
                {},
                "x"});
}

}  // namespace peer::bench
