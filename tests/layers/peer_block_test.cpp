#include "peer/layers/peer_block.h"

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "peer/base/error.h"
#include "peer/ops/adamw_rows.h"
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

  Backward(int threads, std::int64_t side, const layers::RowGradients& rows)
      : block(parameters, "peer", BlockId{0}, options(), kWidth, side, 64, 7),
        saved({}, kTokens, options()),
        work({}, kTokens, block.picks(), block.query_width(), kWidth) {
    Context ctx(Device{}, threads);
    parameters.set_trainable(true);
    block.create_experts(0.2, true, 7);
    block.forward(ctx, x.view(kTokens, kWidth), saved, y.view(kTokens, kWidth), true);
    block.backward(ctx, x.view(kTokens, kWidth), saved, dy.view(kTokens, kWidth), work, dx.view(kTokens, kWidth), rows);
  }
  // Keeps the gradients that are handed out and, when `update`, moves each row by its own.
  Backward(int threads, std::int64_t side, bool update)
      : Backward(threads, side, layers::RowGradients([&](layers::PeerBlock& b, View<const std::int64_t, 1> expert, View<float, 2> rows) {
                   for (std::int64_t c = 0; c < expert.shape[0]; ++c) {
                     ++delivered;
                     gradient[expert[c]] = {rows.row(c), rows.row(c) + 2 * kWidth};
                     float* record = b.experts().owned_parameters(expert[c]);
                     for (std::int64_t i = 0; update && i < 2 * kWidth; ++i) record[i] -= rows.row(c)[i];
                   }
                 })) {}
  double touched() const { return static_cast<double>(std::set<std::int64_t>(saved.id.data(), saved.id.data() + saved.id.size()).size()); }
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

// The rows of 64 experts take less memory than the vectors of 200 tokens, those of 900 and 3,600 more; of 40,000 most are picked once.
TEST_CASE("rows updated while they are summed, expert by expert or token by token, end as rows whose gradients were handed out") {
  constexpr ops::StepState kNow{.step = 3, .share = 0.5};
  const ops::RowRule rule{.rates = {.learning_rate = 1e-2f}, .clip = 1.0f, .now = &kNow};
  for (const std::int64_t side : {8, 30, 60, 200})
    for (const int threads : {1, 2}) {
      Backward handed_out(threads, side,
                          layers::RowGradients([&](layers::PeerBlock& b, View<const std::int64_t, 1> e, View<float, 2> rows) {
                            Context ctx(Device{}, threads);
                            ops::adamw_rows(ctx, {rule, e, rows, b.experts().rows()});
                          }));
      Backward at_once(threads, side, layers::RowGradients::update_by([&](layers::PeerBlock&) { return rule; }));
      CHECK(relative_error(at_once.dx, to_doubles(handed_out.dx)) < 3e-6);
      double moved = 0, worst = 0;
      for (std::int64_t e = 0; e < side * side; ++e) {
        std::vector<float> rows(2 * kWidth), expected(2 * kWidth);
        at_once.block.experts().read_parameters(e, rows.data());
        handed_out.block.experts().read_parameters(e, expected.data());
        worst = std::max(worst, relative_error(rows, {expected.begin(), expected.end()}));
        moved += handed_out.block.experts().state(e)[4 * kWidth];
      }
      CHECK(worst < 1e-5);
      CHECK(moved == handed_out.touched());
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

namespace {

// An untrained block of `heads` heads and a grid of side x side, and what it retrieves for `tokens` tokens.
struct Router {
  layers::Parameters parameters;
  layers::PeerOptions options;
  layers::PeerBlock block;
  layers::PeerActivations saved;

  Router(const std::string& name, layers::PeerOptions o, std::int64_t side)
      : options(o), block(parameters, name, BlockId{0}, options, kWidth, side, 64, 7), saved({}, kTokens, options) {
    block.create_experts(0.0, false, 7);
  }
  void forward() {
    Context ctx(Device{}, 1);
    const Buffer<float> x = random_normal(kTokens * kWidth, 1);
    Buffer<float> y(kTokens * kWidth);
    block.forward(ctx, x.view(kTokens, kWidth), saved, y.view(kTokens, kWidth), true);
  }
  Buffer<float>& tensor(const std::string& name) {
    for (auto& parameter : parameters)
      if (parameter->name.ends_with(name)) return parameter->write();
    throw ContractError("no tensor " + name);
  }
};

}  // namespace

TEST_CASE(
    "a cloned router retrieves what its origin retrieves; a smaller one has its first heads and sub-keys, a larger one these and more") {
  const bool shared = GENERATE(true, false);
  const layers::PeerOptions three{.heads = 3, .top_k = 4, .d_key = 8, .shared_sub_keys = shared};
  layers::PeerOptions two = three;
  two.heads = 2;
  Router origin("origin", three, 12), clone("clone", three, 12), smaller("smaller", two, 9), larger("larger", three, 12);
  clone.block.clone_router(origin.block);
  origin.forward(), clone.forward();
  CHECK(same_bits(clone.saved.id, origin.saved.id));
  CHECK(same_bits(clone.saved.gate, origin.saved.gate));

  const Buffer<float> drawn = copy_of(larger.tensor("sub_keys.columns"));
  smaller.block.clone_router(origin.block);
  larger.block.clone_router(smaller.block);
  CHECK(std::equal(smaller.tensor("query.weight").data(), smaller.tensor("query.weight").data() + 2 * 8 * kWidth,
                   origin.tensor("query.weight").data()));
  for (std::int64_t set = 0; set < (shared ? 1 : 3); ++set)
    for (std::int64_t key = 0; key < 12; ++key) {
      const float *of_origin = origin.tensor("sub_keys.columns").data() + (set * 12 + key) * 4,
                  *of_larger = larger.tensor("sub_keys.columns").data() + (set * 12 + key) * 4;
      const bool cloned = key < 9 && set < (shared ? 1 : 2);
      if (cloned) CHECK(std::equal(of_origin, of_origin + 4, smaller.tensor("sub_keys.columns").data() + (set * 9 + key) * 4));
      CHECK(std::equal(of_larger, of_larger + 4, cloned ? of_origin : drawn.data() + (set * 12 + key) * 4));
    }
}

TEST_CASE("sub-keys at the centroids of the queries: of all heads when they share them, of its own for a head that does not") {
  Context ctx(Device{}, 1);
  for (const bool shared : {true, false}) {
    Router router("router", {.heads = 2, .top_k = 1, .d_key = 4, .shared_sub_keys = shared}, 1);
    router.forward();
    Buffer<float>& query = router.saved.normed;  // (N, H, 2, 2): each head and half along an axis of its own
    for (std::int64_t i = 0; i < kTokens; ++i)
      for (std::int64_t place = 0; place < 8; ++place) query[i * 8 + place] = place == 0 || place == 3 || place == 5 || place == 6 ? 2 : 0;
    router.block.centre_sub_keys(ctx, router.saved, 1);
    const Buffer<float>&rows = router.tensor("sub_keys.rows"), &columns = router.tensor("sub_keys.columns");
    const std::vector<float> found_rows(rows.data(), rows.data() + rows.size()),
        found_columns(columns.data(), columns.data() + columns.size());
    const float both = std::sqrt(0.5f);
    if (shared) {
      CHECK(found_rows[0] == Approx(both));
      CHECK(found_rows[1] == Approx(both));
      CHECK(found_columns[0] == Approx(both));
      CHECK(found_columns[1] == Approx(both));
    } else {
      CHECK(found_rows == std::vector<float>{1, 0, 0, 1});
      CHECK(found_columns == std::vector<float>{0, 1, 1, 0});
    }
  }
}

TEST_CASE("a backward belongs to its forward: with the norms of training or, in a block that is still trained, with those of prediction") {
  constexpr std::int64_t kFew = 6;
  Context ctx(Device{}, 1);
  for (const bool training : {true, false}) {
    Backward b(1, 8, false);
    b.block.set_statistics_momentum(0);  // the running statistics stay
    const auto few = [](Buffer<float>& buffer) { return View<float, 2>(buffer.data(), kFew, kWidth); };
    const auto loss = [&] {
      std::fill_n(b.y.data(), b.y.size(), 0.0f);
      b.block.forward(ctx, few(b.x), b.saved, few(b.y), training);
      double sum = 0;
      for (std::int64_t i = 0; i < kFew * kWidth; ++i) sum += static_cast<double>(b.y[i]) * b.dy[i];
      return sum;
    };
    const auto picks = [&] { return std::vector<std::int64_t>(b.saved.id.data(), b.saved.id.data() + kFew * b.block.picks()); };
    loss();
    const std::vector<std::int64_t> picked = picks();
    std::fill_n(b.dx.data(), b.dx.size(), 0.0f);
    b.block.backward(ctx, few(b.x), b.saved, few(b.dy), b.work, few(b.dx), {});
    const Buffer<float> direction = random_normal(kFew * kWidth, 3), x = copy_of(b.x);
    const auto at = [&](double distance) {
      for (std::int64_t i = 0; i < kFew * kWidth; ++i) b.x[i] = x[i] + static_cast<float>(distance * direction[i]);
      return loss();
    };
    double expected = 0;
    for (std::int64_t i = 0; i < kFew * kWidth; ++i) expected += static_cast<double>(b.dx[i]) * direction[i];
    double step = 1e-2, slope = std::nan("");
    for (; step > 1e-5 && std::isnan(slope); step /= 2) {  // the loss jumps where picks change
      const double above = at(step);
      if (picks() != picked) continue;
      const double below = at(-step);
      if (picks() == picked) slope = (above - below) / (2 * step);
    }
    INFO((training ? "training" : "prediction") << ", step " << step);
    CHECK(slope == Approx(expected).epsilon(0.02));
  }
}
