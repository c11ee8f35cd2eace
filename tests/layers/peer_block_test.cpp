#include "peer/layers/peer_block.h"

#include <map>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kTokens = 200, kWidth = 24;

// One block after one backward that moves every row by its gradient at once, as a trainer does.
struct Backward {
  layers::Parameters parameters;
  layers::PeerBlock block;
  Buffer<float> x = random_normal(kTokens * kWidth, 1), dy = random_normal(kTokens * kWidth, 2), y{kTokens * kWidth}, dx{kTokens * kWidth};
  layers::PeerActivations saved;
  layers::PeerWorkspace work;
  std::map<std::int64_t, std::vector<float>> gradient;
  std::int64_t delivered = 0;

  static layers::PeerOptions options() { return {.heads = 4, .top_k = 8, .d_key = 16}; }

  Backward(int threads, std::int64_t side, bool update)
      : block(parameters, "peer", BlockId{0}, options(), kWidth, side, 64, 7),
        saved(kTokens, options()),
        work(kTokens, block.picks(), block.query_width(), kWidth) {
    Context ctx(Device{}, threads);
    parameters.set_trainable(true);
    block.create_experts(0.2, true, 7);
    block.forward(ctx, x.view(kTokens, kWidth), saved, y.view(kTokens, kWidth), true);
    block.backward(ctx, x.view(kTokens, kWidth), saved, dy.view(kTokens, kWidth), work, dx.view(kTokens, kWidth),
                   [&](layers::PeerBlock& b, View<const std::int64_t, 1> expert, View<float, 2> rows) {
                     for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
                       ++delivered;
                       gradient[expert[c]] = {rows.row(c), rows.row(c) + 2 * kWidth};
                       float* record = b.experts().owned_parameters(expert[c]);
                       for (std::int64_t i = 0; update && i < 2 * kWidth; ++i) record[i] -= rows.row(c)[i];
                     }
                   });
  }
};

}  // namespace

// 16 experts: all picked many times. 40,000: nearly all picked once. 3,600: both.
TEST_CASE("backward hands out each touched expert once, and updating rows at once changes no gradient") {
  for (const std::int64_t side : {8, 60, 200}) {
    const Backward only(1, side, false), updating(1, side, true), threaded(2, side, true);
    CHECK(only.delivered == static_cast<std::int64_t>(only.gradient.size()));
    CHECK(only.gradient == updating.gradient);
    CHECK(only.gradient == threaded.gradient);
    CHECK(same_bits(only.dx, updating.dx));
    for (std::int64_t i = 0; i < only.saved.id.size(); ++i) REQUIRE(only.gradient.contains(only.saved.id[i]));
  }
}

TEST_CASE("a row's gradient is the sum over the tokens that picked it") {
  for (const std::int64_t side : {8, 60, 200}) {
    Backward run(2, side, false);
    std::map<std::int64_t, std::vector<double>> expected;
    const std::int64_t picks = run.block.picks();
    for (std::int64_t slot = 0; slot < kTokens * picks; ++slot) {
      auto& sum = expected[run.saved.id[slot]];
      sum.resize(2 * kWidth);
      for (std::int64_t i = 0; i < kWidth; ++i) {
        sum[static_cast<std::size_t>(i)] += double{run.work.dhidden[slot]} * double{run.x[slot / picks * kWidth + i]};
        sum[static_cast<std::size_t>(kWidth + i)] += double{run.work.up_weight[slot]} * double{run.dy[slot / picks * kWidth + i]};
      }
    }
    REQUIRE(expected.size() == run.gradient.size());
    double worst = 0;
    for (const auto& [expert, sum] : expected)
      for (std::size_t i = 0; i < sum.size(); ++i)
        worst = std::max(worst, std::abs(sum[i] - double{run.gradient.at(expert)[i]}) / (1e-3 + std::abs(sum[i])));
    CHECK(worst < 1e-3);
  }
}
