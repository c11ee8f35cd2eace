// Attention of the CPU where ctx's precision is bf16, against the oracle in double precision of the rounded operands.
#include <array>
#include <cmath>
#include <limits>

#include "peer/base/element.h"
#include "peer/base/error.h"
#include "peer/device/rounded_gemm.h"
#include "peer/ops/attention.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;
using reference::AttentionShape;
using Floats = Buffer<float>;

namespace {

// What rounding to bf16 takes from a number at most, relative to itself. The softmax's weights are rounded before they meet v and dy, and
// the gradients of scores before they meet k and q; <dy, y> brings the error of y into these once more.
constexpr double kRounding = 1.0 / 256;

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

Floats rounded(const Floats& x) {
  Floats out(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) out[i] = Bfloat16{bfloat16_of(x[i])};
  return out;
}
std::vector<double> rounded_doubles(const Floats& x) { return to_doubles(rounded(x)); }

struct Operands {
  Floats q, k, v, dy;
  explicit Operands(const AttentionShape& s)
      : q(random_normal(s.query_size(), 1, 2)),
        k(random_normal(s.key_size(), 2)),
        v(random_normal(s.key_size(), 3)),
        dy(random_normal(s.query_size(), 4)) {}
};

// y, lse, dq, dk, dv, all NaN at first: what is set must not depend on what was there.
using Results = std::array<Floats, 5>;
Results attention(const AttentionShape& s, Operands& operands, Precision precision, int threads = 1) {
  Context ctx(Device{}, threads);
  ctx.set_precision(precision);
  const auto unset = [](std::int64_t size) { return filled(size, std::numeric_limits<float>::quiet_NaN()); };
  const auto queries = [&](Floats& x) { return x.view(s.batch, s.time, s.query_heads, s.width); };
  const auto keys = [&](Floats& x) { return x.view(s.batch, s.time, s.key_heads, s.width); };
  Results out{unset(s.query_size()), unset(s.lse_size()), unset(s.query_size()), unset(s.key_size()), unset(s.key_size())};
  auto& [y, lse, dq, dk, dv] = out;
  const View<float, 3> lse_view = lse.view(s.batch, s.query_heads, s.time);
  ops::attention(ctx, {queries(operands.q), keys(operands.k), keys(operands.v), queries(y), lse_view});
  ops::attention_backward(ctx, {queries(operands.q), keys(operands.k), keys(operands.v), queries(y), lse_view, queries(operands.dy),
                                queries(dq), keys(dk), keys(dv)});
  return out;
}

bool same_bits(const Results& a, const Results& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!test::same_bits(a[i], b[i])) return false;
  return true;
}

}  // namespace

TEST_CASE("attention in bf16 and its backward agree with the oracle of the rounded operands, grouped or not, at any length") {
  if (!path_multiplies_bf16()) return;  // then it is that of fp32, as the next test says
  for (const AttentionShape& s : kShapes) {
    Operands operands(s);
    const auto [y, lse, dq, dk, dv] = attention(s, operands, Precision::kBf16);
    const auto q = rounded_doubles(operands.q), k = rounded_doubles(operands.k), v = rounded_doubles(operands.v);
    const auto expected = reference::attention(q, k, v, s);
    const auto gradients = reference::attention_backward(q, k, v, rounded_doubles(operands.dy), s);
    CAPTURE(s.time, s.width);
    CHECK(relative_error(lse, expected.lse) < 1e-6);  // no weight is rounded on the way to it
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

TEST_CASE("attention in bf16 of any operands has the bits of that of the rounded ones, or of fp32 where the path does not multiply bf16") {
  const bool multiplies = path_multiplies_bf16();
  for (const AttentionShape& s : {AttentionShape{2, 70, 4, 2, 32}, AttentionShape{1, 130, 2, 1, 11}}) {
    Operands operands(s);
    const Results first = attention(s, operands, Precision::kBf16);
    CHECK(same_bits(attention(s, operands, Precision::kFp32), first) == !multiplies);
    if (!multiplies) continue;
    for (Floats* x : {&operands.q, &operands.k, &operands.v, &operands.dy}) *x = rounded(*x);
    CHECK(same_bits(attention(s, operands, Precision::kBf16), first));
  }
}

TEST_CASE("attention in bf16 gives the same bits for any number of threads") {
  const AttentionShape s{3, 131, 6, 2, 32};
  Operands operands(s);
  const Results one = attention(s, operands, Precision::kBf16, 1);
  for (const int threads : {2, 3}) CHECK(same_bits(attention(s, operands, Precision::kBf16, threads), one));
}

TEST_CASE("attention in bf16 sees no later key: what they hold changes no earlier output") {
  const AttentionShape s{1, 100, 2, 2, 32};
  Operands operands(s);
  const Results before = attention(s, operands, Precision::kBf16);
  const std::int64_t cut = 70 * s.key_heads * s.width;
  for (std::int64_t i = cut; i < operands.k.size(); ++i) operands.k[i] += 3, operands.v[i] -= 5;
  const Results after = attention(s, operands, Precision::kBf16);
  for (const std::size_t output : {0, 2})  // y, dq
    for (std::int64_t i = 0; i < cut; ++i) REQUIRE(after[output][i] == before[output][i]);
  CHECK(after[0][cut] != before[0][cut]);
}

TEST_CASE("attention in bf16 survives scores far beyond the range of exp, and its gradients are finite") {
  const AttentionShape s{1, 67, 1, 1, 16};
  Operands operands(s);
  for (std::int64_t i = 0; i < operands.q.size(); ++i) operands.q[i] *= 300, operands.k[i] *= 300;
  for (Floats* x : {&operands.q, &operands.k, &operands.v, &operands.dy}) *x = rounded(*x);
  const Results results = attention(s, operands, Precision::kBf16);
  const auto expected = reference::attention(to_doubles(operands.q), to_doubles(operands.k), to_doubles(operands.v), s);
  CHECK(relative_error(results[1], expected.lse) < 1e-6);
  CHECK(relative_error(results[0], expected.y) < 0.05);  // a score of 1e5 has an absolute error of 0.01
  for (const Floats& x : results)
    for (std::int64_t i = 0; i < x.size(); ++i) REQUIRE(std::isfinite(x[i]));
}
