// peer_bench quick|full|step|rows|disk|memory|generate|token|precision|attention|packed|profile: lines against the limits of this machine.
// Exit code 1: a line is beyond its bound.
#include <cstdio>
#include <string>

#include "tests/bench/disk_benchmarks.h"
#include "tests/bench/growth_live.h"
#include "tests/bench/layer_benchmarks.h"
#include "tests/bench/model_benchmarks.h"
#include "tests/bench/op_benchmarks.h"
#include "tests/bench/packed_weights.h"

using namespace peer::bench;

namespace {

constexpr PeerShape kManyTokens{.side = 256, .tokens = 2048}, kMillion{.side = 1024, .tokens = 512}, kOnline{.side = 1024, .tokens = 32};
constexpr PeerShape kOneToken{.side = 1024, .tokens = 1};
constexpr PeerShape kMillionBf16{.side = 1024, .tokens = 512, .rows = peer::Element::kBfloat16};
constexpr PeerShape kWideRows{.side = 512, .tokens = 512, .width = 1024};
constexpr PeerShape kWide{.side = 256, .tokens = 512, .width = 1024};
constexpr PeerShape kSmall{.side = 256, .tokens = 512};
// The heads of the presets tiny, small and base, 2048 tokens of each.
constexpr AttentionSize kTinyHeads{16, 128, 4, 4, 32}, kSmallHeads{8, 256, 8, 8, 32}, kBaseHeads{4, 512, 12, 4, 64};

// Bounds are about half of what a quiet machine reaches.
void quick(Report& report) {
  limits(report, kSmall, 5);
  forward(report, kSmall, 7, {85, 40});
  step(report, "peer.step", kSmall, 7, {80, 30});
  rows_bf16(report, kSmall, 7, {0, 1.1});
  topk_row(report, 1024, 7, {100});
  topk_scored(report, 1024, 7, {0, 40});
  attention_speed(report, kTinyHeads, peer::Precision::kFp32, 7, {0, 30});
  peer::Context ctx(peer::Device{}, 1);
  PeerWorkbench bench(ctx, kSmall, true);
  adamw_touched(report, bench, 4, 7, {90, 40});
}

void online(Report& report) {
  step(report, "peer.online", kOnline, 15, {});
  step(report, "peer.online", kOneToken, 30, {});
}

void rows(Report& report) {
  limits(report, kMillionBf16, 9);
  rows_bf16(report, kMillion, 9, {1.8});
  rows_bf16(report, kWideRows, 9, {1.8});
  forward(report, kMillionBf16, 9, {90});
  step(report, "peer.step", kMillionBf16, 9, {85});
}

void live(Report& report) {
  growth_live(report, {.side = 512, .tokens = 512}, 1024, true, 5, {1});
  growth_live(report, {.side = 512, .tokens = 512}, 1024, false, 1, {});
}

void growth(Report& report) {
  growth_cost(report, {128, 256, 512, 1024, 2048}, 7, {3});
  live(report);
}

void full(Report& report) {
  limits(report, {.side = 256, .tokens = 512}, 9);
  limits(report, kMillion, 9);
  limits(report, {.side = 256, .tokens = 512, .width = 1024}, 5);
  forward(report, kManyTokens, 9, {85});
  forward(report, kMillion, 9, {90});
  forward(report, kWide, 9, {80});
  step(report, "peer.step", kMillion, 9, {85});
  step(report, "peer.step", kManyTokens, 7, {80});
  online(report);
  rows(report);
  for (const std::int64_t side : {128, 256, 512, 1024, 2048}) topk_row(report, side, 9, side == 1024 ? Goal{100} : Goal{});
  for (const std::int64_t side : {256, 1024, 2048}) topk_scored(report, side, 9, {});
  {
    peer::Context ctx(peer::Device{}, 1);
    PeerWorkbench bench(ctx, {.side = 512}, true);
    for (const std::int64_t every : {100, 10, 1}) adamw_touched(report, bench, every, 7, {90});
  }
  thread_scale(report, kMillion, 9, {1.7});
  growth(report);
}

// The maps of the tiny preset, then wider ones.
void precision(Report& report) {
  for (const auto& [inputs, outputs] : {std::pair(128, 128), {128, 384}, {128, 512}}) bf16_products(report, 2048, inputs, outputs, 9);
  for (const auto& [inputs, outputs] : {std::pair(256, 768), {512, 512}, {256, 1024}, {1024, 1024}})
    bf16_products(report, 4096, inputs, outputs, 5);
}

void attention(Report& report) {
  for (const auto precision : {peer::Precision::kFp32, peer::Precision::kBf16})
    for (const AttentionSize& size : {kTinyHeads, AttentionSize{16, 128, 4, 4, 64}, kSmallHeads, AttentionSize{8, 256, 8, 8, 64},
                                      AttentionSize{4, 512, 8, 8, 32}, kBaseHeads})
      attention_speed(report, size, precision, 15, {});
}

void packed(Report& report) {
  for (const auto& [inputs, outputs] : {std::pair(128, 512), {256, 1024}, {768, 768}, {768, 3072}})
    for (const bool bf16 : {false, true})
      for (const std::int64_t tokens : {32, 128, 512, 2048}) packed_weights(report, tokens, inputs, outputs, bf16, 9);
}

void disk(Report& report) {
  for (const double percent : {0.0, 0.1, 1.0, 5.0, 50.0}) disk_miss(report, {.side = 512, .tokens = 512}, percent, 5, {80});
}

void generate(Report& report) {
  for (const char* preset : {"tiny", "small", "base"})
    for (const auto precision : {peer::Precision::kFp32, peer::Precision::kBf16})
      for (const int threads : {1, 2}) generation(report, preset, precision, threads, 5, {80});
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "quick";
  if (what == "profile") {
    profile(kMillion, 5);
    profile(kMillionBf16, 5);
    profile(kManyTokens, 3);
    profile(kOnline, 20);
    return 0;
  }
  if (what == "token") {
    for (const char* preset : {"tiny", "small", "base"})
      for (const auto precision : {peer::Precision::kFp32, peer::Precision::kBf16}) token_profile(preset, precision);
    return 0;
  }
  Report report;
  if (what == "quick")
    quick(report);
  else if (what == "full")
    full(report);
  else if (what == "step")
    step(report, "peer.step", kMillion, 9, {85}), step(report, "peer.step", kManyTokens, 9, {80}), online(report);
  else if (what == "growth")
    growth(report);
  else if (what == "live")
    live(report);
  else if (what == "rows")
    rows(report);
  else if (what == "precision")
    precision(report);
  else if (what == "attention")
    attention(report);
  else if (what == "packed")
    packed(report);
  else if (what == "disk")
    disk(report);
  else if (what == "generate")
    generate(report);
  else if (what == "memory")
    memory_peak(report, {.side = 1024, .tokens = 2048}, {1.05});
  else
    return std::fprintf(
               stderr,
               "peer_bench: unknown set '%s'; expected quick, full, step, growth, live, rows, disk, memory, generate, token, precision, "
               "attention, packed or profile\n",
               what.c_str()),
           2;
  return report.within_bounds() ? 0 : 1;
}
