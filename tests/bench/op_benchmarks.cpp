#include "tests/bench/op_benchmarks.h"

#include <algorithm>

#include <fmt/format.h>

#include "peer/device/rounded_gemm.h"
#include "peer/layers/initialise.h"
#include "peer/ops/adamw_rows.h"
#include "peer/ops/attention.h"
#include "peer/ops/product_key_topk.h"
#include "tests/bench/machine_limits.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {
namespace {

// product_key_topk on one thread.
class TopkBench {
 public:
  static constexpr std::int64_t kPicks = 16;
  TopkBench(std::int64_t side, std::int64_t half)
      : side_(side),
        half_(half),
        query_(kTokens * kHeads * 2 * half),
        keys_(2 * side * half),
        score_(kTokens * kHeads * kPicks),
        row_(score_.size()),
        column_(score_.size()) {
    layers::initialise_normal(query_.data(), query_.size(), 1, 1, "query");
    layers::initialise_normal(keys_.data(), keys_.size(), 1, 1, "keys");
  }
  Context& context() { return ctx_; }
  void run() { ops::product_key_topk(ctx_, op()); }
  double flops() { return work(op()).flops; }
  std::string shape() const { return fmt::format("n={} K={} d={}", side_, kPicks, half_); }
  static double nanoseconds_a_row(double seconds) { return 1e9 * seconds / (kTokens * kHeads * 2); }

 private:
  static constexpr std::int64_t kTokens = 256, kHeads = 8;
  ops::ProductKeyTopK op() {
    return {query_.view(kTokens, kHeads, 2, half_),
            {keys_.data(), 1, side_, half_},
            {keys_.data() + side_ * half_, 1, side_, half_},
            side_,
            row_.view(kTokens, kHeads, kPicks),
            column_.view(kTokens, kHeads, kPicks),
            score_.view(kTokens, kHeads, kPicks)};
  }
  Context ctx_{Device{}, 1};
  std::int64_t side_, half_;
  Buffer<float> query_, keys_, score_;
  Buffer<std::int32_t> row_, column_;
};

// Attention and its backward on one thread.
class AttentionBench {
 public:
  AttentionBench(const AttentionSize& size, Precision precision)
      : size_(size),
        scope_(ctx_, precision),
        q_(drawn("q", size.heads)),
        k_(drawn("k", size.key_heads)),
        v_(drawn("v", size.key_heads)),
        dy_(drawn("dy", size.heads)),
        y_(q_.size()),
        dq_(q_.size()),
        dk_(k_.size()),
        dv_(k_.size()),
        lse_(size.batch * size.heads * size.time) {}
  Context& context() { return ctx_; }
  std::string shape() const {
    return fmt::format("T={} {}/{}x{} {}", size_.time, size_.heads, size_.key_heads, size_.width, to_text(ctx_.precision()));
  }
  ops::Attention forward() { return {queries(q_), keys(k_), keys(v_), queries(y_), lse()}; }
  ops::AttentionBackward backward() {
    return {queries(q_), keys(k_), keys(v_), queries(y_), lse(), queries(dy_), queries(dq_), keys(dk_), keys(dv_)};
  }

 private:
  Buffer<float> drawn(const char* name, std::int64_t heads) const {
    Buffer<float> x(size_.batch * size_.time * heads * size_.width);
    layers::initialise_normal(x.data(), x.size(), 1, 1, name);
    return x;
  }
  View<float, 4> queries(Buffer<float>& x) const { return x.view(size_.batch, size_.time, size_.heads, size_.width); }
  View<float, 4> keys(Buffer<float>& x) const { return x.view(size_.batch, size_.time, size_.key_heads, size_.width); }
  View<float, 3> lse() { return lse_.view(size_.batch, size_.heads, size_.time); }

  AttentionSize size_;
  Context ctx_{Device{}, 1};
  PrecisionScope scope_;
  Buffer<float> q_, k_, v_, dy_, y_, dq_, dk_, dv_, lse_;
};

}  // namespace

void topk_row(Report& report, std::int64_t side, int rounds, Goal goal) {
  TopkBench bench(side, 16), short_keys(side, 4), twice(side, 8);
  const auto seconds = take_turns(Clock::kThread, rounds, {[&] { bench.run(); }, [&] { short_keys.run(); }, [&] { twice.run(); }});
  std::vector<double> selection;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) selection.push_back(TopkBench::nanoseconds_a_row(2 * seconds[1][r] - seconds[2][r]));
  const double all = TopkBench::nanoseconds_a_row(median(seconds[0])), selected = median(selection);
  report.print({"topk.row", bench.shape(), "ns/row", all, 0, all, {}, "ns", true});
  report.print({"topk.select", fmt::format("n={} K={}", side, TopkBench::kPicks), "ns/row", selected, 0, selected, goal, "ns", true});
}

void topk_scored(Report& report, std::int64_t side, int rounds, Goal goal) {
  TopkBench bench(side, 128);
  SquareGemm square;
  const auto seconds = take_turns(Clock::kThread, rounds, {[&] { bench.run(); }, [&] { square.run(bench.context()); }});
  const double gemm = bench.flops() / SquareGemm::flops();
  std::vector<double> percent;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) percent.push_back(100 * gemm * seconds[1][r] / seconds[0][r]);
  report.print({"topk.scored", bench.shape(), "ns/row", bench.nanoseconds_a_row(median(seconds[0])),
                bench.nanoseconds_a_row(gemm * median(seconds[1])), median(percent), goal});
}

void attention_speed(Report& report, const AttentionSize& size, Precision precision, int rounds, Goal goal) {
  AttentionBench bench(size, precision);
  SquareGemm square;
  Context& ctx = bench.context();
  const auto seconds = take_turns(
      Clock::kThread, rounds,
      {[&] { ops::attention(ctx, bench.forward()); }, [&] { ops::attention_backward(ctx, bench.backward()); }, [&] { square.run(ctx); }});
  const auto print = [&](const char* name, const std::vector<double>& own, double flops) {
    std::vector<double> percent;
    for (std::size_t r = 0; r < own.size(); ++r) percent.push_back(100 * flops / SquareGemm::flops() * seconds[2][r] / own[r]);
    report.print({name, bench.shape(), "GFLOP/s", 1e-9 * flops / median(own), 1e-9 * SquareGemm::flops() / median(seconds[2]),
                  median(percent), goal});
  };
  print("attention", seconds[0], work(bench.forward()).flops);
  print("attention.backward", seconds[1], work(bench.backward()).flops);
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
  const ops::StepState now;
  const auto update = [&] {
    for (std::int64_t first = 0; first < count; first += kChunk) {
      const std::int64_t c = std::min(kChunk, count - first);
      ops::adamw_rows(ctx, {.rule = {.rates = {}, .clip = 1, .now = &now},
                            .expert = {expert.data() + first, c},
                            .gradient = gradient.view(c, 2 * width),
                            .rows = rows});
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
