// Attention on tensor cores.
#include <limits>

#include "peer/device/rounded_gemm.h"
#include "tests/ops/bf16_attention_checks.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;

namespace {

// Tiles are of 64 times: one time, full tiles, tiles that end early; heads alone and in groups; every width that has a kernel.
constexpr AttentionShape kShapes[] = {{2, 1, 2, 1, 16},   {1, 128, 2, 2, 16}, {2, 65, 4, 2, 32},  {1, 17, 3, 1, 64},
                                      {2, 150, 4, 2, 64}, {1, 70, 2, 1, 96},  {2, 64, 2, 1, 128}, {1, 200, 2, 1, 128}};

// `skip` numbers precede each tensor in its memory.
AttentionResults attend_behind(std::int64_t skip, const AttentionShape& s, const AttentionOperands& operands, Precision precision) {
  Context ctx(parse_device("cuda"));
  const PrecisionScope scope(ctx, precision);
  const auto on_device = [&](const Floats& x) {
    Floats padded(skip + x.size());
    for (std::int64_t i = 0; i < x.size(); ++i) padded[skip + i] = x[i];
    return copy_to(ctx, ctx.device(), padded);
  };
  // NaN at first: what is set must not depend on what was there.
  const auto unset = [&](std::int64_t size) { return on_device(filled(size, std::numeric_limits<float>::quiet_NaN())); };
  const auto queries = [&](Floats& x) { return View<float, 4>(x.data() + skip, s.batch, s.time, s.query_heads, s.width); };
  const auto keys = [&](Floats& x) { return View<float, 4>(x.data() + skip, s.batch, s.time, s.key_heads, s.width); };
  Floats q = on_device(operands.q), k = on_device(operands.k), v = on_device(operands.v), dy = on_device(operands.dy);
  Floats y = unset(s.query_size()), lse = unset(s.lse_size()), dq = unset(s.query_size()), dk = unset(s.key_size()),
         dv = unset(s.key_size());
  const View<float, 3> lse_view(lse.data() + skip, s.batch, s.query_heads, s.time);
  ops::attention(ctx, {queries(q), keys(k), keys(v), queries(y), lse_view});
  ops::attention_backward(ctx, {queries(q), keys(k), keys(v), queries(y), lse_view, queries(dy), queries(dq), keys(dk), keys(dv)});
  const auto on_host = [&](const Floats& x) {
    const Floats padded = copy_to(ctx, Device{}, x);
    Floats out(x.size() - skip);
    for (std::int64_t i = 0; i < out.size(); ++i) out[i] = padded[skip + i];
    return out;
  };
  return {on_host(y), on_host(lse), on_host(dq), on_host(dk), on_host(dv)};
}

AttentionResults attend(const AttentionShape& s, const AttentionOperands& operands, Precision precision) {
  return attend_behind(0, s, operands, precision);
}

}  // namespace

TEST_CASE("attention in bf16 and its backward agree with the oracle of the rounded operands, grouped or not, at any length") {
  check_bf16_attention_against_oracle(attend, kShapes);
}

TEST_CASE("attention in bf16 of any operands has the bits of that of the rounded ones, and gives them again") {
  constexpr AttentionShape shapes[] = {{2, 70, 4, 2, 32}, {1, 130, 2, 1, 128}};
  check_bf16_attention_rounds_operands(attend, shapes);
}

TEST_CASE("attention in bf16 sees no later key: what they hold changes no earlier output") { check_bf16_attention_is_causal(attend); }

TEST_CASE("attention in bf16 survives scores far beyond the range of exp, and its gradients are finite") {
  check_bf16_attention_of_large_scores(attend);
}

TEST_CASE("a number that is none stays none in attention in bf16") {
  const AttentionShape s{1, 3, 1, 1, 16};
  AttentionOperands operands(s);
  operands.k[s.width] = std::numeric_limits<float>::quiet_NaN();  // of the second time
  const AttentionResults results = attend(s, operands, Precision::kBf16);
  CHECK(std::isfinite(results[0][0]));
  CHECK(std::isnan(results[0][s.width]));
}

TEST_CASE("a head of a width without a kernel for bf16, and tensors that begin between 16 bytes, take the kernels of fp32") {
  for (const auto& [shape, skip] : {std::pair{AttentionShape{2, 40, 2, 1, 40}, 0}, std::pair{AttentionShape{2, 40, 2, 1, 32}, 1}}) {
    const AttentionOperands operands(shape);
    CHECK(same_bits(attend_behind(skip, shape, operands, Precision::kBf16), attend_behind(skip, shape, operands, Precision::kFp32)));
  }
}
