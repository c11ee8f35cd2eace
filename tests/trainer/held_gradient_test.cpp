#include "trainer/strategies/held_gradient.h"

#include <cmath>

#include "peer/ops/cross_entropy.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"
#include "trainer/strategies/sparse_rows.h"

using namespace peer;
using namespace peer::trainer;

namespace {

// Gradients of one dense tensor and of a few rows of one block, drawn at random.
struct Gradients {
  model::Model model{test::tiny_options(), 1};
  layers::Parameter& dense = *model.base().find("lm_head.weight");
  layers::PeerBlock* block = nullptr;
  std::int64_t record = 0;

  Gradients() {
    model.create_experts();
    model.set_trainable(0, true);
    model.for_each_block(0, [&](layers::PeerBlock& b, int) { block = &b, record = 2 * b.experts().width(); });
  }
  // The same numbers in a map from place to value, for the oracle: dense tensor first, then the block's records.
  std::map<std::int64_t, double> draw(HeldGradient& held, const std::vector<std::int64_t>& experts, std::uint32_t subject, double lean) {
    const Random random(3, Purpose::kTest, subject);
    std::uint64_t next = 0;
    std::map<std::int64_t, double> oracle;
    for (std::int64_t i = 0; i < dense.size(); ++i) {
      dense.gradient[i] = static_cast<float>(random.normal(next++) + lean);
      oracle[i] = dense.gradient[i];
    }
    std::vector<float> rows;
    for (const std::int64_t e : experts)
      for (std::int64_t i = 0; i < record; ++i) {
        rows.push_back(static_cast<float>(random.normal(next++) + lean));
        oracle[dense.size() + e * record + i] = rows.back();
      }
    held.hold(dense);
    const auto count = static_cast<std::int64_t>(experts.size());
    held.hold(*block, {experts.data(), count}, {rows.data(), count, record});
    return oracle;
  }
  std::map<std::int64_t, double> read(HeldGradient& held) {
    std::map<std::int64_t, double> numbers;
    held.give_back_dense();
    for (std::int64_t i = 0; i < dense.size(); ++i) numbers[i] = dense.gradient[i];
    held.for_each_rows(Device{}, [&](layers::PeerBlock&, View<const std::int64_t, 1> expert, View<float, 2> gradient) {
      for (std::int64_t c = 0; c < expert.shape[0]; ++c)
        for (std::int64_t i = 0; i < record; ++i) numbers[dense.size() + expert[c] * record + i] = gradient.row(c)[i];
    });
    return numbers;
  }
};

double dot(const std::map<std::int64_t, double>& a, const std::map<std::int64_t, double>& b) {
  double sum = 0;
  for (const auto& [place, value] : a)
    if (const auto at = b.find(place); at != b.end()) sum += value * at->second;
  return sum;
}

}  // namespace

TEST_CASE("a gradient against the reference loses its part along it, over dense tensors and rows that either touched") {
  Gradients gradients;
  HeldGradient g, r;
  const auto og = gradients.draw(g, {3, 7, 9}, 1, 0.3), orr = gradients.draw(r, {7, 20}, 2, -0.3);
  const double conflict = dot(og, orr);
  REQUIRE(conflict < 0);
  CHECK(g.dot(r) == Approx(conflict));
  CHECK(project(g, r));
  const auto projected = gradients.read(g);
  CHECK(projected.size() == static_cast<std::size_t>(gradients.dense.size() + 4 * gradients.record));
  for (const auto& [place, value] : projected) {
    const double own = og.contains(place) ? og.at(place) : 0, reference = orr.contains(place) ? orr.at(place) : 0;
    REQUIRE(value == Approx(own - conflict / dot(orr, orr) * reference).margin(1e-6));
  }
  CHECK(dot(projected, orr) == Approx(0).margin(1e-4 * std::sqrt(dot(orr, orr))));
}

TEST_CASE("a gradient that agrees with the reference stays as it is, bit for bit, and gains no row") {
  Gradients gradients;
  HeldGradient g, r;
  const auto before = gradients.draw(g, {3, 7, 9}, 1, 0.3);
  gradients.draw(r, {7, 20}, 2, 0.3);
  CHECK_FALSE(project(g, r));
  CHECK(gradients.read(g) == before);
}

TEST_CASE("the step that A-GEM leaves does not raise the reference loss, where the plain one does") {
  Context ctx(Device{}, 1);
  model::Model model(test::tiny_options(), 1);
  model.create_experts();
  model.set_trainable(0, true);
  model.for_each_block(0, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
  // Two texts that go on differently after the same token, the first of which was learnt.
  std::vector<std::int32_t> token(32, 5), wanted(32, 7), other(32, 9);
  model::Activations saved(model, 0, 2, 16, true);
  const auto gradient = [&](const std::vector<std::int32_t>& target, HeldGradient* held) {
    Buffer<float> nll(32);
    model.base().zero_gradients(ctx);
    model.forward(ctx, {token.data(), 32}, saved, false);
    ops::cross_entropy_with_gradient(
        ctx, {.logits = saved.logits_view(), .target = {target.data(), 32}, .scale = 1.0f / 32, .nll = nll.view(32)});
    double loss = 0;
    for (int n = 0; n < 32; ++n) loss += nll[n] / 32;
    if (held == nullptr) return loss;
    model.backward(ctx, {token.data(), 32}, saved,
                   [&](layers::PeerBlock& b, View<const std::int64_t, 1> e, View<float, 2> rows) { held->hold(b, e, rows); });
    for (auto& parameter : model.base())
      if (parameter->trainable()) held->hold(*parameter);
    return loss;
  };
  const auto descend = [&](HeldGradient& held, double rate) {
    held.give_back_dense();
    for (auto& parameter : model.base())
      for (std::int64_t i = 0; i < parameter->gradient.size(); ++i)
        parameter->write()[i] -= static_cast<float>(rate) * parameter->gradient[i];
    held.for_each_rows(
        Device{}, [&](layers::PeerBlock& b, View<const std::int64_t, 1> e, View<float, 2> rows) { descend_rows(b, e, rows, rate, 0, 0); });
  };
  HeldGradient g, r;
  for (int step = 0; step < 20; ++step) {
    r.clear();
    gradient(wanted, &r);
    descend(r, 0.3);
  }
  r.clear();
  const double before = gradient(wanted, &r);
  gradient(other, &g);
  constexpr double kRate = 1e-3;
  descend(g, kRate);
  const double plain = gradient(wanted, nullptr);
  descend(g, -kRate);
  const double slope = g.dot(r);
  REQUIRE(project(g, r));
  descend(g, kRate);
  const double guarded = gradient(wanted, nullptr);
  CHECK(plain - before == Approx(-kRate * slope).epsilon(0.1));
  CHECK(guarded - before < 0.05 * (plain - before));  // what is left is of second order
}
