#include "trainer/strategies/importance.h"

#include <cmath>

#include "streams/batch_stream.h"
#include "tests/support/catch.h"
#include "tests/support/domain_text.h"
#include "tests/support/tiny_model.h"
#include "tests/trainer/byte_model.h"

using namespace peer;
using namespace peer::trainer;

namespace {

struct Measured {
  Context ctx{Device{}, 1};
  model::Model model{test::tiny_options(), 1};
  std::vector<int> base = {0};
  std::vector<streams::Document> documents = {{test::domain_text(0, 60), "test", 0}};

  Measured() {
    model.create_experts();
    model.set_trainable(0, true);
    model.for_each_block(0, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
  }
  ParameterField importance(ImportanceKind kind, std::int64_t windows, std::uint64_t seed = 1) {
    return measure_importance(ctx, byte_model(model), 0, base, kind, documents, windows, seed);
  }
};

}  // namespace

TEST_CASE("the Fisher information of the head's rows is what softmax regression says it is") {
  // For logits z = W h: F(W[v, i]) = mean over tokens of p_v (1 - p_v) h_i^2, whatever the text's own labels are.
  Measured m;
  constexpr std::int64_t kWindows = 1000;
  const ParameterField fisher = m.importance(ImportanceKind::kFisher, kWindows);
  const std::int64_t length = m.model.options().context, width = m.model.options().width, vocabulary = m.model.options().vocabulary;
  streams::BatchStream stream(m.documents, kBytes, 1024);
  stream.start(1, length, 1, 0);
  std::vector<double> expected(width), found(width);
  model::Activations saved(m.model, 0, 1, length, false);
  for (std::int64_t w = 0; w < kWindows; ++w) {
    const streams::Batch& batch = stream.next();
    m.model.forward(m.ctx, {batch.tokens.data(), length}, saved, false);
    const View<const float, 2> normed = saved.normed.operand().numbers();
    for (std::int64_t t = 0; t < length; ++t) {
      double sum = 0, spread = 0;
      for (std::int64_t v = 0; v < vocabulary; ++v) sum += std::exp(static_cast<double>(saved.logits[t * vocabulary + v]));
      for (std::int64_t v = 0; v < vocabulary; ++v) {
        const double p = std::exp(static_cast<double>(saved.logits[t * vocabulary + v])) / sum;
        spread += p * (1 - p);
      }
      for (std::int64_t i = 0; i < width; ++i) expected[i] += spread * std::pow(static_cast<double>(normed[t * width + i]), 2);
    }
  }
  const std::span<const float> head = fisher.of(*m.model.base().find("lm_head.weight"));
  for (std::int64_t v = 0; v < vocabulary; ++v)
    for (std::int64_t i = 0; i < width; ++i) found[i] += static_cast<double>(head[v * width + i]);
  for (std::int64_t i = 0; i < width; ++i) CHECK(found[i] == Approx(expected[i] / static_cast<double>(kWindows * length)).epsilon(0.06));
}

TEST_CASE("importances are deterministic in the seed, not negative, and leave no gradient behind") {
  Measured m;
  for (const ImportanceKind kind : {ImportanceKind::kFisher, ImportanceKind::kSensitivity}) {
    ParameterField first = m.importance(kind, 5), second = m.importance(kind, 5);
    const ParameterField other = m.importance(kind, 5, 2);
    first.for_each([&](std::span<float> numbers, const float*) {
      for (const float number : numbers) REQUIRE(number >= 0);
    });
    CHECK(first.mean() > 0);
    CHECK(first.mean() == second.mean());
    CHECK(other.mean() != first.mean());
    for (auto& parameter : m.model.base())
      for (std::int64_t i = 0; i < parameter->gradient.size(); ++i) REQUIRE(parameter->gradient[i] == 0);
  }
}

TEST_CASE("experts that no token of the text retrieves have no importance") {
  Measured m;
  const ParameterField fisher = m.importance(ImportanceKind::kFisher, 1);  // one window of 16 tokens, 6 picks each, 36 experts
  m.model.for_each_block(0, [&](layers::PeerBlock& block, int) {
    const std::int64_t record = 2 * block.experts().width();
    std::int64_t silent = 0, used = 0;
    for (std::int64_t e = 0; e < block.experts().count(); ++e) {
      double sum = 0;
      for (std::int64_t i = 0; i < record; ++i) sum += static_cast<double>(fisher.of(block)[e * record + i]);
      ++(sum == 0 ? silent : used);
    }
    CHECK(used > 0);
    CHECK(used + silent == 36);
  });
}
