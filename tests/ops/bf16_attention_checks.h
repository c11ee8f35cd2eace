// What attention in bf16 must hold on whichever device, against the oracle in double precision of the rounded operands.
#pragma once

#include <array>
#include <cmath>
#include <span>

#include "peer/base/element.h"
#include "peer/device/precision.h"
#include "peer/ops/attention.h"
#include "tests/reference/dense_ops.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

namespace peer::test {

using reference::AttentionShape;
using Floats = Buffer<float>;

// What rounding to bf16 takes from a number at most, relative to itself. The softmax's weights are rounded before they meet v and dy, and
// the gradients of scores before they meet k and q; <dy, y> brings the error of y into these once more.
inline constexpr double kRounding = 1.0 / 256;

inline Floats rounded(const Floats& x) {
  Floats out(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) out[i] = Bfloat16{bfloat16_of(x[i])};
  return out;
}

struct AttentionOperands {
  Floats q, k, v, dy;
  explicit AttentionOperands(const AttentionShape& s)
      : q(random_normal(s.query_size(), 1, 2)),
        k(random_normal(s.key_size(), 2)),
        v(random_normal(s.key_size(), 3)),
        dy(random_normal(s.query_size(), 4)) {}
  void round() {
    for (Floats* x : {&q, &k, &v, &dy}) *x = rounded(*x);
  }
};

// y, lse, dq, dk, dv, on the host.
using AttentionResults = std::array<Floats, 5>;

inline bool same_bits(const AttentionResults& a, const AttentionResults& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same_bits(a[i], b[i])) return false;
  return true;
}

// attend(shape, operands, precision): both ops, on the device that is tested.
template <class Attend>
void check_bf16_attention_against_oracle(Attend attend, std::span<const AttentionShape> shapes) {
  for (const AttentionShape& s : shapes) {
    AttentionOperands operands(s);
    const auto [y, lse, dq, dk, dv] = attend(s, operands, Precision::kBf16);
    operands.round();
    const auto q = to_doubles(operands.q), k = to_doubles(operands.k), v = to_doubles(operands.v);
    const auto expected = reference::attention(q, k, v, s);
    const auto gradients = reference::attention_backward(q, k, v, to_doubles(operands.dy), s);
    CAPTURE(s.time, s.width);
    CHECK(relative_error(lse, expected.lse) < 1e-5);  // no weight is rounded on the way to it
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

template <class Attend>
void check_bf16_attention_rounds_operands(Attend attend, std::span<const AttentionShape> shapes) {
  for (const AttentionShape& s : shapes) {
    AttentionOperands operands(s);
    const AttentionResults first = attend(s, operands, Precision::kBf16);
    CHECK(same_bits(attend(s, operands, Precision::kBf16), first));
    CHECK(!same_bits(attend(s, operands, Precision::kFp32), first));
    operands.round();
    CHECK(same_bits(attend(s, operands, Precision::kBf16), first));
  }
}

template <class Attend>
void check_bf16_attention_is_causal(Attend attend) {
  const AttentionShape s{1, 100, 2, 2, 32};
  AttentionOperands operands(s);
  const AttentionResults before = attend(s, operands, Precision::kBf16);
  const std::int64_t cut = 70 * s.key_heads * s.width;
  for (std::int64_t i = cut; i < operands.k.size(); ++i) operands.k[i] += 3, operands.v[i] -= 5;
  const AttentionResults after = attend(s, operands, Precision::kBf16);
  for (const std::size_t output : {0, 2})  // y, dq
    for (std::int64_t i = 0; i < cut; ++i) REQUIRE(after[output][i] == before[output][i]);
  CHECK(after[0][cut] != before[0][cut]);
}

template <class Attend>
void check_bf16_attention_of_large_scores(Attend attend) {
  const AttentionShape s{1, 67, 1, 1, 16};
  AttentionOperands operands(s);
  for (std::int64_t i = 0; i < operands.q.size(); ++i) operands.q[i] *= 300, operands.k[i] *= 300;
  operands.round();
  const AttentionResults results = attend(s, operands, Precision::kBf16);
  const auto expected = reference::attention(to_doubles(operands.q), to_doubles(operands.k), to_doubles(operands.v), s);
  CHECK(relative_error(results[1], expected.lse) < 1e-6);
  CHECK(relative_error(results[0], expected.y) < 0.05);  // a score of 1e5 has an absolute error of 0.01
  for (const Floats& x : results)
    for (std::int64_t i = 0; i < x.size(); ++i) REQUIRE(std::isfinite(x[i]));
}

}  // namespace peer::test
