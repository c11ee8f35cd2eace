// Every op that writes operands of products, on whichever device: what it rounds are the numbers that it writes in fp32.
#pragma once

#include "peer/base/element.h"
#include "peer/device/copy.h"
#include "peer/device/rounded_gemm.h"
#include "peer/ops/rms_norm.h"
#include "peer/ops/swiglu.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

namespace peer::test {

// write(OperandTarget) is called for fp32 alone, for bf16 alone and for both.
template <class Write>
void check_operand_target(Context& ctx, std::int64_t rows, std::int64_t columns, Write write) {
  const Device device = ctx.device();
  const std::int64_t size = rows * columns;
  Buffer<float> exact(device, size), exact_too(device, size);
  Buffer<Bfloat16> rounded(device, size), rounded_too(device, size);
  write(OperandTarget(exact.view(rows, columns)));
  write(OperandTarget({}, rounded.view(rows, columns)));
  write(OperandTarget(exact_too.view(rows, columns), rounded_too.view(rows, columns)));
  ctx.wait();
  for (std::int64_t i = 0; i < size; ++i) {
    REQUIRE(exact_too[i] == exact[i]);
    REQUIRE(rounded[i].bits == bfloat16_of(exact[i]));
    REQUIRE(rounded_too[i].bits == rounded[i].bits);
  }
}

inline void check_operand_targets(Context& ctx) {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{1, 1}, {5, 3}, {7, 67}, {3, 300}}) {
    CAPTURE(rows, columns);
    const std::int64_t size = rows * columns;
    const auto there = [&](std::int64_t count, std::uint32_t subject) {
      return copy_to(ctx, ctx.device(), random_normal(count, subject, 2));
    };
    Buffer<float> x = there(size, 1), up = there(size, 2), dy = there(size, 3), weight = there(columns, 4);
    Buffer<float> inverse_rms(ctx.device(), rows), other(ctx.device(), size);
    Buffer<Bfloat16> other_rounded(ctx.device(), size);
    const auto matrix = [&](Buffer<float>& buffer) { return buffer.view(rows, columns); };
    check_operand_target(ctx, rows, columns, [&](const OperandTarget& y) {
      ops::rms_norm(ctx, {matrix(x), weight.view(columns), 1e-5f, y, inverse_rms.view(rows)});
    });
    check_operand_target(ctx, rows, columns, [&](const OperandTarget& y) { ops::swiglu(ctx, {matrix(x), matrix(up), y}); });
    const auto like = [&](const OperandTarget& target) {
      return OperandTarget(target.exact.empty() ? View<float, 2>() : matrix(other),
                           target.rounded.empty() ? View<Bfloat16, 2>() : other_rounded.view(rows, columns));
    };
    check_operand_target(ctx, rows, columns, [&](const OperandTarget& dgate) {
      ops::swiglu_backward(ctx, {matrix(x), matrix(up), matrix(dy), dgate, like(dgate)});
    });
    check_operand_target(ctx, rows, columns, [&](const OperandTarget& dup) {
      ops::swiglu_backward(ctx, {matrix(x), matrix(up), matrix(dy), like(dup), dup});
    });
  }
}

}  // namespace peer::test
