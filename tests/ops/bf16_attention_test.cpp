// Attention of the CPU where ctx's precision is bf16.
#include "tests/ops/bf16_attention_checks.h"

#include <limits>

#include "peer/base/error.h"
#include "peer/device/rounded_gemm.h"

using namespace peer;
using namespace peer::test;

namespace {

// One time, tiles and blocks that end early, odd depths of every product; heads alone and in groups.
constexpr AttentionShape kShapes[] = {{2, 1, 2, 1, 16}, {1, 128, 2, 2, 16}, {2, 65, 4, 2, 32},  {1, 17, 3, 1, 5},
                                      {2, 67, 2, 2, 3}, {2, 150, 4, 2, 64}, {1, 70, 2, 1, 100}, {1, 200, 2, 1, 33}};

bool path_multiplies_bf16() {
  if (chosen_cpu_path() != CpuPath::kAvx512Bf16 && chosen_cpu_path() != CpuPath::kNative) return false;
  try {
    check_precision(Device{}, Precision::kBf16);
    return true;
  } catch (const DeviceError&) {
    return false;
  }
}

// NaN at first: what is set must not depend on what was there.
AttentionResults attend_on(int threads, const AttentionShape& s, AttentionOperands& operands, Precision precision) {
  Context ctx(Device{}, threads);
  ctx.set_precision(precision);
  const auto unset = [](std::int64_t size) { return filled(size, std::numeric_limits<float>::quiet_NaN()); };
  const auto queries = [&](Floats& x) { return x.view(s.batch, s.time, s.query_heads, s.width); };
  const auto keys = [&](Floats& x) { return x.view(s.batch, s.time, s.key_heads, s.width); };
  AttentionResults out{unset(s.query_size()), unset(s.lse_size()), unset(s.query_size()), unset(s.key_size()), unset(s.key_size())};
  auto& [y, lse, dq, dk, dv] = out;
  const View<float, 3> lse_view = lse.view(s.batch, s.query_heads, s.time);
  ops::attention(ctx, {queries(operands.q), keys(operands.k), keys(operands.v), queries(y), lse_view});
  ops::attention_backward(ctx, {queries(operands.q), keys(operands.k), keys(operands.v), queries(y), lse_view, queries(operands.dy),
                                queries(dq), keys(dk), keys(dv)});
  return out;
}
AttentionResults attend(const AttentionShape& s, AttentionOperands& operands, Precision precision) {
  return attend_on(1, s, operands, precision);
}

}  // namespace

TEST_CASE("attention in bf16 and its backward agree with the oracle of the rounded operands, grouped or not, at any length") {
  if (path_multiplies_bf16()) check_bf16_attention_against_oracle(attend, kShapes);  // else as the next test says
}

TEST_CASE("attention in bf16 of any operands has the bits of that of the rounded ones, or of fp32 where the path does not multiply bf16") {
  constexpr AttentionShape shapes[] = {{2, 70, 4, 2, 32}, {1, 130, 2, 1, 11}};
  if (path_multiplies_bf16()) return check_bf16_attention_rounds_operands(attend, shapes);
  for (const AttentionShape& s : shapes) {
    AttentionOperands operands(s);
    CHECK(same_bits(attend(s, operands, Precision::kFp32), attend(s, operands, Precision::kBf16)));
  }
}

TEST_CASE("attention in bf16 gives the same bits for any number of threads") {
  const AttentionShape s{3, 131, 6, 2, 32};
  AttentionOperands operands(s);
  const AttentionResults one = attend_on(1, s, operands, Precision::kBf16);
  for (const int threads : {2, 3}) CHECK(same_bits(attend_on(threads, s, operands, Precision::kBf16), one));
}

TEST_CASE("attention in bf16 sees no later key: what they hold changes no earlier output") { check_bf16_attention_is_causal(attend); }

TEST_CASE("attention in bf16 survives scores far beyond the range of exp, and its gradients are finite") {
  check_bf16_attention_of_large_scores(attend);
}
