#include "peer/model/decoder.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

model::ModelOptions options_of(layers::AttentionBias bias, std::int64_t head_width, layers::QueryKeyNorm norm) {
  model::ModelOptions options = test::tiny_options();
  options.attention_bias = bias, options.head_width = head_width, options.query_key_norm = norm;
  return options;
}

// A base and a view on it, every number moved, so that adapters, dense blocks and annexes all count.
Model grown(const model::ModelOptions& options = test::tiny_options(), bool moves_base = false) {
  Model m(options, 1);
  m.create_experts();
  if (moves_base) test::randomise(m, 0, 0.1f);
  m.add_view(0, test::tiny_delta(), "new", true);
  m.set_trainable(1, true);
  test::randomise(m, 1, 0.1f);
  m.set_trainable(1, false);
  for (int view : {0, 1}) m.for_each_block(view, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
  return m;
}

// The logits after the last token of `tokens`, all read in one window.
std::vector<float> after_window(Context& ctx, Model& m, int view, const std::vector<std::int32_t>& tokens) {
  const auto all = test::logits_of(ctx, m, view, tokens, static_cast<std::int64_t>(tokens.size()));
  return {all.end() - m.options().vocabulary, all.end()};
}

void check_close(const std::vector<float>& expected, const float* found) {
  for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(found[i] == Approx(expected[i]).epsilon(1e-4).margin(1e-5));
}

}  // namespace

TEST_CASE("reading token by token predicts what reading the window predicts, for the base and for a grown view") {
  Context ctx;
  using enum layers::AttentionBias;
  Model m = grown();
  SECTION("as it is by default") {}
  SECTION("with biases of the attention maps") { m = grown(options_of(kQkvo, 0, layers::QueryKeyNorm::kNone), true); }
  SECTION("with heads of their own width") { m = grown(options_of(kNone, 2, layers::QueryKeyNorm::kNone), true); }
  SECTION("with norms of queries and keys") { m = grown(options_of(kQkv, 6, layers::QueryKeyNorm::kRms), true); }
  const auto tokens = test::tiny_tokens(m.options().context, m.options().vocabulary);
  for (const int view : {0, 1}) {
    model::Decoder decoder(ctx, m, view, 1);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const auto logits = decoder.read({&tokens[t], 1});
      check_close(after_window(ctx, m, view, {tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(t) + 1}), logits.data);
    }
  }
}

TEST_CASE("when the window is full the newer half is read again as a window of its own") {
  Context ctx;
  Model m = grown();
  const std::int64_t length = m.options().context;
  const auto tokens = test::tiny_tokens(2 * length + 3, m.options().vocabulary);
  model::Decoder decoder(ctx, m, 1, 1);
  for (std::int64_t t = 0; t < static_cast<std::int64_t>(tokens.size()); ++t) {
    const auto logits = decoder.read({&tokens[t], 1});
    // Token `length` makes the window begin at length/2; length/2 tokens later it moves on by as much.
    const std::int64_t begin = t < length ? 0 : (t - length) / (length / 2) * (length / 2) + length / 2;
    check_close(after_window(ctx, m, 1, {tokens.begin() + begin, tokens.begin() + t + 1}), logits.data);
  }
}

TEST_CASE("chunks are read as their tokens are one after the other, beyond the window too") {
  Context ctx;
  Model m = grown();
  model::Decoder chunks(ctx, m, 1, 2), alone(ctx, m, 1, 2);
  const std::int64_t length = chunks.chunk(), rows = 2;
  const auto a = test::tiny_tokens(5 * length + 2, m.options().vocabulary, 1),
             b = test::tiny_tokens(5 * length + 2, m.options().vocabulary, 2);
  const auto one_by_one = [&](std::int64_t t, model::Decoder& decoder) {
    const std::int32_t pair[] = {a[t], b[t]};
    return decoder.read({pair, 2});
  };
  for (std::int64_t first = 0; first < 5 * length; first += length) {
    std::vector<std::int32_t> tokens(a.begin() + first, a.begin() + first + length);
    tokens.insert(tokens.end(), b.begin() + first, b.begin() + first + length);
    std::vector<float> logits;
    chunks.read_chunk({tokens.data(), rows, length}, [&](std::int64_t at, View<const float, 2> piece) {
      REQUIRE(at * piece.shape[1] == std::ssize(logits));
      logits.insert(logits.end(), piece.data, piece.data + piece.size());
    });
    REQUIRE(std::ssize(logits) == rows * length * m.options().vocabulary);
    for (std::int64_t t = 0; t < length; ++t) {
      const auto expected = one_by_one(first + t, alone);
      for (std::int64_t r = 0; r < rows; ++r)
        check_close({expected.row(r), expected.row(r) + expected.shape[1]}, logits.data() + (r * length + t) * m.options().vocabulary);
    }
  }
  const auto expected = one_by_one(5 * length, alone);
  check_close({expected.data, expected.data + expected.size()}, one_by_one(5 * length, chunks).data);
  CHECK_THROWS_AS(chunks.read_chunk({a.data(), rows, length}, [](auto&&...) {}), ContractError);  // not where a chunk ended
}

TEST_CASE("texts that are read side by side do not see each other, and a restart forgets") {
  Context ctx;
  Model m = grown();
  const std::int64_t length = m.options().context + 5;
  const auto a = test::tiny_tokens(length, m.options().vocabulary, 1), b = test::tiny_tokens(length, m.options().vocabulary, 2);
  model::Decoder both(ctx, m, 1, 2), alone(ctx, m, 1, 1);
  const std::int32_t noise[] = {7, 9};
  both.read({noise, 2});
  both.restart();
  for (std::int64_t t = 0; t < length; ++t) {
    const std::int32_t pair[] = {a[t], b[t]};
    const auto logits = both.read({pair, 2});
    const auto expected = alone.read({&b[t], 1});
    check_close({expected.data, expected.data + expected.size()}, logits.row(1));
  }
}
