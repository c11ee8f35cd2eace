#include "tests/ops/operand_target.h"

#include "peer/base/error.h"

using namespace peer;
using namespace peer::test;

TEST_CASE("ops that write operands of products round what they would write in fp32") {
  for (const int threads : {1, 2}) {
    Context ctx(Device{}, threads);
    check_operand_targets(ctx);
  }
}

TEST_CASE("an op that has nowhere to write its operand refuses, and so does one whose places do not fit together") {
  Context ctx;
  Buffer<float> x(12), y(12), weight(4), r(3);
  Buffer<Bfloat16> rounded(12);
  const auto norm = [&](const OperandTarget& to) { ops::rms_norm(ctx, {x.view(3, 4), weight.view(4), 1e-5f, to, r.view(3)}); };
  CHECK_NOTHROW(norm({y.view(3, 4), rounded.view(3, 4)}));
  CHECK_THROWS_AS(norm({}), ContractError);
  CHECK_THROWS_AS(norm({y.view(3, 4), rounded.view(4, 3)}), ContractError);
  CHECK_THROWS_AS(ops::swiglu_backward(ctx, {x.view(3, 4), x.view(3, 4), x.view(3, 4), y.view(3, 4), {{}, rounded.view(3, 4)}}),
                  ContractError);
}

TEST_CASE("a product in fp32 refuses an operand that is rounded only, and one that something else must read too") {
  Context ctx;
  Buffer<Bfloat16> rounded(12);
  Buffer<float> weight(20), y(15);
  const Operand x(rounded.view(3, 4));
  CHECK_THROWS_AS(rounded_gemm(ctx, x, Transpose::kNo, weight.view(5, 4), Transpose::kYes, 0, y.view(3, 5)), ContractError);
  CHECK_THROWS_AS(x.numbers(), ContractError);
}
