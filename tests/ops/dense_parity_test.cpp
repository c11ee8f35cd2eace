#include <bit>
#include <cmath>
#include <limits>

#include "peer/base/element.h"
#include "peer/device/rounded_gemm.h"
#include "peer/ops/adamw.h"
#include "peer/ops/attention.h"
#include "peer/ops/axpby.h"
#include "peer/ops/bias.h"
#include "peer/ops/cached_attention.h"
#include "peer/ops/cross_entropy.h"
#include "peer/ops/distillation.h"
#include "peer/ops/embedding.h"
#include "peer/ops/rms_norm.h"
#include "peer/ops/rotary.h"
#include "peer/ops/sum_of_squares.h"
#include "peer/ops/swiglu.h"
#include "tests/ops/operand_target.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;
using Floats = Buffer<float>;

TEST_CASE("gemm is the same on both devices for every transposition") {
  for (const Transpose ta : {Transpose::kNo, Transpose::kYes})
    for (const Transpose tb : {Transpose::kNo, Transpose::kYes})
      check_parity(
          [&](Context& ctx, Floats& a, Floats& b, Floats& c) {
            const Matrix<float> left = ta == Transpose::kYes ? a.view(19, 33) : a.view(33, 19);
            const Matrix<float> right = tb == Transpose::kYes ? b.view(45, 19) : b.view(19, 45);
            gemm(ctx, left, ta, right, tb, 1, c.view(33, 45));
          },
          random_normal(33 * 19, 1), random_normal(19 * 45, 2), random_normal(33 * 45, 3));
}

namespace {

Floats rounded_to_bf16(const Floats& x) {
  Floats out(x.size());
  for (std::int64_t i = 0; i < x.size(); ++i) out[i] = Bfloat16{bfloat16_of(x[i])};
  return out;
}

// How a matrix lies in a larger one: numbers before its first, and between two rows.
struct Place {
  std::int64_t before, between;
};

}  // namespace

TEST_CASE("rounded_gemm in bf16 on the device is gemm of the rounded operands, whatever lies beside a matrix") {
  struct Shape {
    std::int64_t m, n, k;
  };
  Context cpu, cuda(parse_device("cuda"));
  const PrecisionScope scope(cuda, Precision::kBf16);
  for (const Shape shape : {Shape{33, 45, 19}, Shape{16, 40, 24}, Shape{8, 16, 2056}})  // rows of whole packs, more than a block takes
    for (const Place place : {Place{0, 0}, Place{0, 3}, Place{4, 8}, Place{1, 4}})
      for (const Transpose ta : {Transpose::kNo, Transpose::kYes})
        for (const Transpose tb : {Transpose::kNo, Transpose::kYes}) {
          const auto [m, n, k] = shape;
          CAPTURE(m, n, k, place.before, place.between);
          const auto inside = [&](Floats& x, std::int64_t rows, std::int64_t columns) {
            return Matrix<float>(x.data() + place.before, rows, columns, columns + place.between);
          };
          const auto numbers = [&](std::int64_t rows, std::int64_t columns, std::uint32_t subject) {
            return random_normal(place.before + rows * (columns + place.between), subject);
          };
          const float beta = tb == Transpose::kYes ? 1.0f : 0.0f;
          const auto left = [&](Floats& x) { return ta == Transpose::kYes ? inside(x, k, m) : inside(x, m, k); };
          const auto right = [&](Floats& x) { return tb == Transpose::kYes ? inside(x, n, k) : inside(x, k, n); };
          const Floats a = numbers(std::max(m, k), std::max(m, k), 1), b = numbers(std::max(n, k), std::max(n, k), 2);
          Floats expected = numbers(m, n, 3), on_cuda = copy_to(cuda, cuda.device(), expected);
          Floats rounded_a = rounded_to_bf16(a), rounded_b = rounded_to_bf16(b);
          Floats a_on_cuda = copy_to(cuda, cuda.device(), a), b_on_cuda = copy_to(cuda, cuda.device(), b);
          gemm(cpu, left(rounded_a), ta, right(rounded_b), tb, beta, inside(expected, m, n));
          rounded_gemm(cuda, left(a_on_cuda), ta, right(b_on_cuda), tb, beta, inside(on_cuda, m, n));
          check_parity(cuda, expected, on_cuda);
        }
}

TEST_CASE("a left operand of several products on the device gives each the bits of its own rounded_gemm") {
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    Context cuda(parse_device("cuda"));
    const PrecisionScope scope(cuda, precision);
    const auto there = [&](std::int64_t size, std::uint32_t subject) { return copy_to(cuda, cuda.device(), random_normal(size, subject)); };
    const Floats dy = there(24 * 17, 1), weight = there(17 * 40, 2), x = there(24 * 40, 3);
    Floats dx(cuda.device(), 24 * 40), dweight = there(17 * 40, 4), dx_alone(cuda.device(), 24 * 40), dweight_alone = there(17 * 40, 4);
    const Operand left = rounded_left(cuda, dy.view(24, 17));
    rounded_gemm(cuda, left, Transpose::kNo, weight.view(17, 40), Transpose::kNo, 0, dx.view(24, 40));
    rounded_gemm(cuda, left, Transpose::kYes, x.view(24, 40), Transpose::kNo, 1, dweight.view(17, 40));
    rounded_gemm(cuda, dy.view(24, 17), Transpose::kNo, weight.view(17, 40), Transpose::kNo, 0, dx_alone.view(24, 40));
    rounded_gemm(cuda, dy.view(24, 17), Transpose::kYes, x.view(24, 40), Transpose::kNo, 1, dweight_alone.view(17, 40));
    cuda.wait();
    CHECK(same_bits(dx, dx_alone));
    CHECK(same_bits(dweight, dweight_alone));
  }
}

TEST_CASE("operands on the device that are rounded already give a product the bits of those that it rounds, of any width") {
  Context cuda(parse_device("cuda"));
  const PrecisionScope scope(cuda, Precision::kBf16);
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{24, 40, 16}, {30, 17, 5}, {7, 9, 33}}) {
    CAPTURE(m, n, k);
    const Floats a = copy_to(cuda, cuda.device(), random_normal(m * k, 1)), b = copy_to(cuda, cuda.device(), random_normal(n * k, 2));
    Buffer<Bfloat16> a_rounded(cuda.device(), m * k), b_rounded(cuda.device(), n * k);
    cuda.wait();
    for (std::int64_t i = 0; i < m * k; ++i) a_rounded[i].bits = bfloat16_of(a[i]);
    for (std::int64_t i = 0; i < n * k; ++i) b_rounded[i].bits = bfloat16_of(b[i]);
    Floats plain(cuda.device(), m * n), rounded(cuda.device(), m * n);
    rounded_gemm(cuda, a.view(m, k), Transpose::kNo, b.view(n, k), Transpose::kYes, 0, plain.view(m, n));
    rounded_gemm(cuda, Operand(a_rounded.view(m, k)), Transpose::kNo, Operand(b_rounded.view(n, k)), Transpose::kYes, 0,
                 rounded.view(m, n));
    check_parity(cuda, copy_to(cuda, Device{}, plain), rounded);
  }
}

TEST_CASE("rounded_gemm in bf16 on the device sets what a product of no terms is, and rounds no number to one that it is not") {
  Context cuda(parse_device("cuda"));
  const PrecisionScope scope(cuda, Precision::kBf16);
  Floats c = copy_to(cuda, cuda.device(), random_normal(8 * 8, 1)), a(cuda.device(), 8 * 8), one(cuda.device(), 8 * 8);
  rounded_gemm(cuda, Matrix<float>(a.data(), 8, 0, 8), Transpose::kNo, Matrix<float>(a.data(), 0, 8, 8), Transpose::kNo, 0, c.view(8, 8));
  cuda.wait();
  for (std::int64_t i = 0; i < 64; ++i) REQUIRE(c[i] == 0);
  for (std::int64_t i = 0; i < 8; ++i) one[9 * i] = 1;
  for (std::int64_t i = 0; i < 8; ++i) a[9 * i] = i % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::max();
  rounded_gemm(cuda, Matrix<float>(a.view(8, 8)), Transpose::kNo, Matrix<float>(one.view(8, 8)), Transpose::kNo, 0, c.view(8, 8));
  cuda.wait();
  for (std::int64_t i = 0; i < 8; ++i) CHECK((i % 2 == 0 ? std::isnan(c[9 * i]) : std::isinf(c[9 * i])));
}

TEST_CASE("a number that is none stays none in a loss and in attention, on both devices") {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  for (const Device device : {Device{}, parse_device("cuda")}) {
    Context ctx(device);
    Floats logits = copy_to(ctx, device, random_normal(2 * 9, 1)), nll(device, 2);
    Buffer<std::int32_t> target(device, 2);
    logits[4] = kNone, target[0] = 0, target[1] = 1;
    ops::cross_entropy(ctx, {.logits = logits.view(2, 9), .target = target.view(2), .nll = nll.view(2)});
    Floats q = copy_to(ctx, device, random_normal(3 * 8, 2)), k = copy_to(ctx, device, random_normal(3 * 8, 3)), y(device, 3 * 8),
           lse(device, 3);
    k[8] = kNone;  // of the second time
    ops::attention(
        ctx,
        {.q = q.view(1, 3, 1, 8), .k = k.view(1, 3, 1, 8), .v = q.view(1, 3, 1, 8), .y = y.view(1, 3, 1, 8), .lse = lse.view(1, 1, 3)});
    ctx.wait();
    CHECK(std::isnan(nll[0]));
    CHECK(std::isfinite(nll[1]));
    CHECK(std::isfinite(y[0]));
    CHECK(std::isnan(y[8]));
  }
}

TEST_CASE("embedding and its backward are the same on both devices, however often an id comes") {
  for (const std::int64_t ids : {2, 17, 400})  // of 900 tokens: runs of hundreds, of dozens, and ids that never come
    check_parity(
        [&](Context& ctx, Buffer<std::int32_t>& id, Floats& table, Floats& x, Floats& dtable) {
          ops::embedding(ctx, {id.view(900), table.view(ids, 65), x.view(900, 65)});
          ops::embedding_backward(ctx, {id.view(900), x.view(900, 65), dtable.view(ids, 65)});
        },
        random_below<std::int32_t>(900, 1, ids), random_normal(ids * 65, 2), random_normal(900 * 65, 3), random_normal(ids * 65, 4));
}

TEST_CASE("rms_norm and its backward are the same on both devices, of wide rows and of many narrow ones") {
  for (const auto& [n, d] : {std::pair<std::int64_t, std::int64_t>{77, 300}, {1001, 16}, {301, 6}})
    check_parity(
        [&](Context& ctx, Floats& x, Floats& weight, Floats& y, Floats& inverse_rms, Floats& dx, Floats& dweight) {
          ops::rms_norm(ctx, {x.view(n, d), weight.view(d), 1e-5f, y.view(n, d), inverse_rms.view(n)});
          ops::rms_norm_backward(ctx, {x.view(n, d), weight.view(d), inverse_rms.view(n), y.view(n, d), dx.view(n, d), dweight.view(d)});
        },
        random_normal(n * d, 1), random_normal(d, 2), Floats(n * d), Floats(n), random_normal(n * d, 3), random_normal(d, 4));
}

TEST_CASE("rotary is the same on both devices, both ways, its frequencies scaled or not") {
  const ops::RotaryScaling llama31{.factor = 8, .original_context = 512}, linear{.factor = 4};
  for (const ops::RotaryScaling& scaling : {ops::RotaryScaling{}, llama31, linear})
    for (const bool inverse : {false, true})
      check_parity(
          [&](Context& ctx, Floats& x) {
            ops::rotary(ctx, {x.view(2, 37, 3, 16), 1000, 10000.0, inverse, scaling});
          },
          random_normal(2 * 37 * 3 * 16, 1));
}

TEST_CASE("axpby is the same on both devices, whatever y held where it is not kept") {
  for (const float keep : {0.0f, 1.0f, -0.5f})
    check_parity(
        [&](Context& ctx, Floats& x, Floats& y) {
          ops::axpby(ctx, {1.25f, x.view(1000), keep, y.view(1000)});
        },
        random_normal(1000, 1), random_normal(1000, 2));
}

TEST_CASE("bias and its backward are the same on both devices, for rows of any width") {
  for (const std::int64_t width : {7, 66, 300})
    check_parity(
        [&](Context& ctx, Floats& bias, Floats& y, Floats& dbias) {
          ops::bias(ctx, {bias.view(width), y.view(777, width)});
          ops::bias_backward(ctx, {y.view(777, width), dbias.view(width)});
        },
        random_normal(width, 1), random_normal(777 * width, 2), random_normal(width, 3));
}

TEST_CASE("ops that write operands of products on the device round what they would write there in fp32") {
  Context cuda(parse_device("cuda"));
  check_operand_targets(cuda);
}

TEST_CASE("swiglu and its backward are the same on both devices") {
  check_parity(
      [](Context& ctx, Floats& gate, Floats& up, Floats& y, Floats& dgate, Floats& dup) {
        ops::swiglu(ctx, {gate.view(9, 100), up.view(9, 100), y.view(9, 100)});
        ops::swiglu_backward(ctx, {gate.view(9, 100), up.view(9, 100), y.view(9, 100), dgate.view(9, 100), dup.view(9, 100)});
      },
      random_normal(900, 1, 3), random_normal(900, 2), Floats(900), Floats(900), Floats(900));
}

TEST_CASE("cross_entropy and its gradient are the same on both devices, with tokens that are not scored") {
  auto target = random_below<std::int32_t>(50, 1, 700);
  target[7] = -1;
  check_parity(
      [](Context& ctx, Buffer<std::int32_t>& t, Floats& logits, Floats& nll, Floats& again) {
        ops::cross_entropy(ctx, {logits.view(50, 700), t.view(50), nll.view(50)});
        ops::cross_entropy_with_gradient(ctx, {logits.view(50, 700), t.view(50), 0.25f, again.view(50)});
      },
      std::move(target), random_normal(50 * 700, 2, 4), Floats(50), Floats(50));
}

TEST_CASE("distillation is the same on both devices, with tokens that are not scored") {
  auto target = random_below<std::int32_t>(50, 1, 700);
  target[7] = -1;
  check_parity(
      [](Context& ctx, Buffer<std::int32_t>& t, Floats& student, Floats& teacher, Floats& divergence) {
        ops::distillation(ctx, {student.view(50, 700), teacher.view(50, 700), t.view(50), 2, 0.25f, divergence.view(50)});
      },
      std::move(target), random_normal(50 * 700, 2, 4), random_normal(50 * 700, 3, 4), Floats(50));
}

TEST_CASE("adamw is the same on both devices") {
  check_parity(
      [](Context& ctx, Floats& gradient, Floats& weight, Floats& m, Floats& v, Buffer<double>& squares) {
        Buffer<ops::StepState> now(ctx.device(), 3);
        for (const int i : {0, 1, 2}) now[i] = {.step = 1 + 3 * i, .share = 1 - 0.3 * i};
        const double clips[] = {3, 10, 0};
        for (const int i : {0, 1, 2})
          ops::adamw(ctx, {{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f},
                           &now[i],
                           clips[i],
                           squares.view(1),
                           gradient.view(999),
                           weight.view(999),
                           m.view(999),
                           v.view(999)});
        ctx.wait();
      },
      random_normal(999, 1), random_normal(999, 2), Floats(999), Floats(999), filled<double>(1, 36.0));
}

TEST_CASE("lazy adamw is the same on both devices") {
  constexpr std::int64_t kRows = 77, kRow = 40;
  Floats gradient = random_normal(kRows * kRow, 1), m = random_normal(kRows * kRow, 3);
  for (std::int64_t i = 0; i < gradient.size(); ++i)
    if (i / kRow % 3 == 0 || i % kRow != 35) gradient[i] = 0;
  check_parity(
      [](Context& ctx, Floats& gradient, Floats& weight, Floats& m, Floats& v) {
        Buffer<ops::StepState> now(ctx.device(), 1);
        now[0] = {.step = 4};
        const std::int64_t size = kRows * kRow;
        ops::adamw(ctx, {{}, now.data(), 0, {}, gradient.view(size), weight.view(size), m.view(size), v.view(size), kRow});
        ctx.wait();
      },
      std::move(gradient), random_normal(kRows * kRow, 2), std::move(m), filled<float>(kRows * kRow, 0.5f));
}

TEST_CASE("sum_of_squares is the same on both devices") {
  check_parity(
      [&](Context& ctx, Floats& x, Buffer<double>& sum) {
        ops::sum_of_squares(ctx, {x.view(40000), sum.view(1)});
      },
      random_normal(40000, 1), filled<double>(1, 5.0));
}

TEST_CASE("attention and its backward are the same on both devices, with grouped queries") {
  constexpr std::int64_t kBatch = 2, kTime = 70, kHeads = 4, kKeyHeads = 2, kWidth = 40;
  constexpr std::int64_t kQueries = kBatch * kTime * kHeads * kWidth, kKeys = kBatch * kTime * kKeyHeads * kWidth;
  const auto queries = [](Floats& b) { return b.view(kBatch, kTime, kHeads, kWidth); };
  const auto keys = [](Floats& b) { return b.view(kBatch, kTime, kKeyHeads, kWidth); };
  check_parity(
      [&](Context& ctx, Floats& q, Floats& k, Floats& v, Floats& y, Floats& lse, Floats& dy, Floats& dq, Floats& dk, Floats& dv) {
        ops::attention(ctx, {queries(q), keys(k), keys(v), queries(y), lse.view(kBatch, kHeads, kTime)});
        ops::attention_backward(
            ctx, {queries(q), keys(k), keys(v), queries(y), lse.view(kBatch, kHeads, kTime), queries(dy), queries(dq), keys(dk), keys(dv)});
      },
      random_normal(kQueries, 1), random_normal(kKeys, 2), random_normal(kKeys, 3), Floats(kQueries), Floats(kBatch * kHeads * kTime),
      random_normal(kQueries, 4), Floats(kQueries), Floats(kKeys), Floats(kKeys));
}

TEST_CASE("attention over a cache is the same on both devices, with grouped queries") {
  constexpr std::int64_t kBatch = 2, kNew = 3, kCapacity = 80, kHeads = 4, kKeyHeads = 2, kWidth = 40;
  constexpr std::int64_t kQueries = kBatch * kNew * kHeads * kWidth, kKeys = kBatch * kCapacity * kKeyHeads * kWidth;
  check_parity(
      [&](Context& ctx, Floats& q, Floats& key, Floats& value, Floats& y) {
        ops::cached_attention(ctx, {.q = q.view(kBatch, kNew, kHeads, kWidth),
                                    .key = key.view(kBatch, kCapacity, kKeyHeads, kWidth),
                                    .value = value.view(kBatch, kCapacity, kKeyHeads, kWidth),
                                    .first_position = 70,
                                    .y = y.view(kBatch, kNew, kHeads, kWidth)});
      },
      random_normal(kQueries, 1), random_normal(kKeys, 2), random_normal(kKeys, 3), Floats(kQueries));
}
