// Grids that grow while they are trained.
#include <algorithm>
#include <vector>

#include "peer/layers/peer_block.h"
#include "tests/support/catch.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kTokens = 60, kWidth = 24, kSide = 12;

// A block that takes steps: every row that was picked moves by its gradient.
struct Trained {
  Context ctx;
  layers::Parameters parameters;
  layers::PeerBlock block;
  Buffer<float> x = random_normal(kTokens * kWidth, 1), dy = random_normal(kTokens * kWidth, 2), y{kTokens * kWidth}, dx{kTokens * kWidth};
  layers::PeerActivations saved;
  layers::PeerWorkspace work;
  ops::StepState now{.step = 0};

  explicit Trained(int threads, Element rows = Element::kFloat32) : Trained(threads, {.heads = 4, .top_k = 8, .d_key = 16, .rows = rows}) {}
  Trained(int threads, const layers::PeerOptions& options)
      : ctx(Device{}, threads),
        block(parameters, "peer", BlockId{0}, options, kWidth, kSide, 64, 7),
        saved({}, kTokens, options),
        work({}, kTokens, block.picks(), block.query_width(), kWidth) {
    parameters.set_trainable(true);
    block.create_experts(0.2, true, 7);
  }
  void step() {
    ++now.step;
    parameters.zero_gradients(ctx);
    block.forward(ctx, x.view(kTokens, kWidth), saved, y.view(kTokens, kWidth), true);
    block.backward(ctx, x.view(kTokens, kWidth), saved, dy.view(kTokens, kWidth), work, dx.view(kTokens, kWidth),
                   layers::RowGradients::update_by(
                       [&](layers::PeerBlock&) { return ops::RowRule{.rates = {.learning_rate = 1e-2f}, .clip = 1.0f, .now = &now}; }));
  }
  void extend(std::int64_t side) { block.extend(parameters, side, true, 7); }
};

std::vector<float> rows_of(const layers::PeerBlock& block) {
  constexpr std::int64_t kNumbers = 2 * kWidth;
  std::vector<float> all(static_cast<std::size_t>(block.experts().count() * kNumbers));
  for (std::int64_t e = 0; e < block.experts().count(); ++e) block.experts().read_parameters(e, all.data() + e * kNumbers);
  return all;
}

}  // namespace

TEST_CASE("an extended grid holds the rows that one of its size is created with, whatever draws them") {
  Trained grown(1, GENERATE(Element::kFloat32, Element::kBfloat16));
  grown.extend(150);
  grown.block.open_all();
  CHECK(grown.block.open() == 150);
  layers::Parameters parameters;
  layers::PeerBlock created(parameters, "peer", BlockId{0}, grown.block.options(), kWidth, 150, 64, 7);
  created.create_experts(0.0, true, 7);
  const std::vector<float> rows = rows_of(grown.block), wanted = rows_of(created);
  constexpr std::int64_t kOld = kSide * kSide * 2 * kWidth;
  CHECK(std::equal(rows.begin() + kOld, rows.end(), wanted.begin() + kOld, wanted.end()));
}

TEST_CASE("steps while rows are drawn are those of a block whose new rows are there already, and change none of the new") {
  Trained meanwhile(2), after(2);
  for (Trained* block : {&meanwhile, &after}) block->step();
  after.extend(200);
  after.block.experts().wait_until_drawn();
  meanwhile.extend(200);
  for (int i = 0; i < 5; ++i) {
    meanwhile.step(), after.step();
    REQUIRE(same_bits(meanwhile.y, after.y));
    REQUIRE(same_bits(meanwhile.dx, after.dx));
  }
  meanwhile.block.open_all(), after.block.open_all();
  CHECK(rows_of(meanwhile.block) == rows_of(after.block));
  meanwhile.step(), after.step();
  CHECK(same_bits(meanwhile.y, after.y));
  CHECK(rows_of(meanwhile.block) == rows_of(after.block));
}
