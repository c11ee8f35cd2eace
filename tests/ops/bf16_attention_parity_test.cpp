// Attention on tensor cores, against the oracle in double precision of the rounded operands.
#include <array>
#include <cmath>
#include <limits>

#include "peer/base/element.h"
#include "peer/device/rounded_gemm.h"
#include "peer/ops/attention.h"
#include "tests/ops/parity.h"
#include "tests/reference/dense_ops.h"

using namespace peer;
using namespace peer::test;
using reference::AttentionShape;
using Floats = Buffer<float>;

namespace {

// What rounding to bf16 takes from a number at most, relative to itself. The softmax's weights are rounded before they meet v and dy, and
// the gradients of scores before they meet k and q; <dy, y> brings the error of y into these once more.
constexpr double kRounding = 1.0 / 256;

// Tiles are of 64 times: one time, full tiles, tiles that end early; heads alone and in groups; every width that has a kernel.
constexpr AttentionShape kShapes[] = {{2, 1, 2, 1, 16},   {1, 128, 2, 2, 16}, {2, 65, 4, 2, 32},  {1, 17, 3, 1, 64},
                                      {2, 150, 4, 2, 64}, {1, 70, 2, 1, 96},  {2, 64, 2, 1, 128}, {1, 200, 2, 1, 128}};

Floats rounded(const Floats& x) {
  Floats out(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) out[i] = Bfloat16{bfloat16_of(x[i])};
  return out;
}

struct Operands {
  Floats q, k, v, dy;
  explicit Operands(const AttentionShape& s)
      : q(random_normal(s.query_size(), 1, 2)),
        k(random_normal(s.key_size(), 2)),
        v(random_normal(s.key_size(), 3)),
        dy(random_normal(s.query_size(), 4)) {}
};

// y, lse, dq, dk, dv of the device. `skip` numbers precede each tensor in its memory.
using Results = std::array<Floats, 5>;
Results attention_on_cuda(const AttentionShape& s, const Operands& operands, Precision precision, std::int64_t skip = 0) {
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

bool same_bits(const Results& a, const Results& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!test::same_bits(a[i], b[i])) return false;
  return true;
}

}  // namespace

TEST_CASE("attention in bf16 and its backward agree with the oracle of the rounded operands, grouped or not, at any length") {
  for (const AttentionShape& s : kShapes) {
    const Operands operands(s);
    const auto [y, lse, dq, dk, dv] = attention_on_cuda(s, operands, Precision::kBf16);
    const auto q = to_doubles(rounded(operands.q)), k = to_doubles(rounded(operands.k)), v = to_doubles(rounded(operands.v));
    const auto expected = reference::attention(q, k, v, s);
    const auto gradients = reference::attention_backward(q, k, v, to_doubles(rounded(operands.dy)), s);
    CAPTURE(s.time, s.width);
    CHECK(relative_error(lse, expected.lse) < kParityTolerance);  // no weight is rounded on the way to it
    CHECK(relative_error(y, expected.y) < kRounding);
    CHECK(relative_error(dv, gradients.dv) < kRounding);
    if (s.time > 1) {
      CHECK(relative_error(dq, gradients.dq) < 2 * kRounding);
      CHECK(relative_error(dk, gradients.dk) < 2 * kRounding);
    } else {  // a query alone copies its value and has no gradient to query and key
      for (std::int64_t i = 0; i < dq.size(); ++i) CHECK(std::abs(dq[i]) < 1e-5f);
      for (std::int64_t i = 0; i < dk.size(); ++i) CHECK(std::abs(dk[i]) < 1e-5f);
    }
  }
}

TEST_CASE("attention in bf16 of any operands has the bits of that of the rounded ones, and gives them again") {
  for (const AttentionShape& s : {AttentionShape{2, 70, 4, 2, 32}, AttentionShape{1, 130, 2, 1, 128}}) {
    Operands operands(s);
    const Results first = attention_on_cuda(s, operands, Precision::kBf16);
    CHECK(same_bits(attention_on_cuda(s, operands, Precision::kBf16), first));
    for (Floats* x : {&operands.q, &operands.k, &operands.v, &operands.dy}) *x = rounded(*x);
    CHECK(same_bits(attention_on_cuda(s, operands, Precision::kBf16), first));
    CHECK(!same_bits(attention_on_cuda(s, operands, Precision::kFp32), first));
  }
}

TEST_CASE("attention in bf16 sees no later key: what they hold changes no earlier output") {
  const AttentionShape s{1, 100, 2, 2, 32};
  Operands operands(s);
  const Results before = attention_on_cuda(s, operands, Precision::kBf16);
  const std::int64_t cut = 70 * s.key_heads * s.width;
  for (std::int64_t i = cut; i < operands.k.size(); ++i) operands.k[i] += 3, operands.v[i] -= 5;
  const Results after = attention_on_cuda(s, operands, Precision::kBf16);
  for (const std::size_t output : {0, 2})  // y, dq
    for (std::int64_t i = 0; i < cut; ++i) REQUIRE(after[output][i] == before[output][i]);
  CHECK(after[0][cut] != before[0][cut]);
}

TEST_CASE("attention in bf16 survives scores far beyond the range of exp") {
  const AttentionShape s{1, 67, 1, 1, 16};
  Operands operands(s);
  for (std::int64_t i = 0; i < operands.q.size(); ++i) operands.q[i] *= 300, operands.k[i] *= 300;
  const Results results = attention_on_cuda(s, operands, Precision::kBf16);
  const auto expected =
      reference::attention(to_doubles(rounded(operands.q)), to_doubles(rounded(operands.k)), to_doubles(rounded(operands.v)), s);
  CHECK(relative_error(results[1], expected.lse) < 1e-6);
  CHECK(relative_error(results[0], expected.y) < 0.05);  // a score of 1e5 has an absolute error of 0.01
}

TEST_CASE("a number that is none stays none in attention in bf16") {
  const AttentionShape s{1, 3, 1, 1, 16};
  Operands operands(s);
  operands.k[s.width] = std::numeric_limits<float>::quiet_NaN();  // of the second time
  const Results results = attention_on_cuda(s, operands, Precision::kBf16);
  CHECK(std::isfinite(results[0][0]));
  CHECK(std::isnan(results[0][s.width]));
}

TEST_CASE("a head of a width without a kernel for bf16, and tensors that begin between 16 bytes, take the kernels of fp32") {
  for (const auto& [shape, skip] : {std::pair{AttentionShape{2, 40, 2, 1, 40}, 0}, std::pair{AttentionShape{2, 40, 2, 1, 32}, 1}}) {
    const Operands operands(shape);
    CHECK(
        same_bits(attention_on_cuda(shape, operands, Precision::kBf16, skip), attention_on_cuda(shape, operands, Precision::kFp32, skip)));
  }
}
