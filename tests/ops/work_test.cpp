// What the ops say of their own work, where it depends on more than their shapes.
#include "peer/device/work.h"

#include "peer/ops/attention.h"
#include "peer/ops/expert_mix.h"
#include "peer/ops/rms_norm.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

TEST_CASE("a view of nothing has no bytes, and a frozen weight's gradient costs none") {
  CHECK(view_bytes(View<const float, 2>()) == 0);
  CHECK(view_bytes(View<const float, 3>(nullptr, 2, 3, 4)) == 0);
  Buffer<float> x(6 * 4), weight(4), inverse(6), dweight(4);
  ops::RmsNormBackward op{
      .x = x.view(6, 4), .weight = weight.view(4), .inverse_rms = inverse.view(6), .dy = x.view(6, 4), .dx = x.view(6, 4), .dweight = {}};
  const double frozen = work(op).bytes;
  CHECK(frozen == 4.0 * (24 + 4 + 6 + 24 + 2 * 24));
  op.dweight = dweight.view(4);
  CHECK(work(op).bytes == frozen + 4.0 * 2 * 4);
}

TEST_CASE("an expert picked by many tokens is read once") {
  const std::int64_t tokens = 3, picks = 2, width = 8;
  Buffer<float> x(tokens * width), numbers(tokens * picks);
  Buffer<std::int64_t> id(tokens * picks);
  ops::ExpertMix op{.x = x.view(tokens, width),
                    .id = id.view(tokens, picks),
                    .gate = numbers.view(tokens, picks),
                    .rows = {.pages = nullptr, .width = width, .count = 16},
                    .hidden = numbers.view(tokens, picks),
                    .y = x.view(tokens, width)};
  for (std::int64_t i = 0; i < id.size(); ++i) id[i] = 5;
  const double one = work(op).bytes, flops = work(op).flops;
  for (std::int64_t i = 0; i < id.size(); ++i) id[i] = i;
  CHECK(work(op).bytes == one + 5.0 * 2 * width * sizeof(float));
  CHECK(work(op).flops == flops);
}

TEST_CASE("causal attention works on half of the square") {
  Buffer<float> q(2 * 64 * 4 * 8), lse(2 * 4 * 64);
  const auto view = q.view(2, 64, 4, 8);
  const ops::Attention op{.q = view, .k = view, .v = view, .y = view, .lse = lse.view(2, 4, 64)};
  CHECK(ops::causal_pairs(op.q) == 2.0 * 4 * 64 * 65 / 2);
  CHECK(work(op).flops == Approx(4.0 * 8 * ops::causal_pairs(op.q)).epsilon(0.2));
}
