// Models whose maps are multiplied in bf16 with weights that were rounded ahead.
#include <algorithm>
#include <cmath>

#include "peer/device/rounded_gemm.h"
#include "peer/model/decoder.h"
#include "peer/model/launch_digest.h"
#include "tests/support/bare_training.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

// A base and a view on it, every number moved, so that adapters, dense blocks, annexes and vocabulary deltas all count.
Model grown(std::int64_t vocabulary_rank = 0, bool tied = false) {
  model::ModelOptions options = test::tiny_options();
  options.tied_embeddings = tied;
  Model m(options, 1);
  m.create_experts();
  test::randomise(m, 0, 0.05f);
  model::DeltaOptions delta = test::tiny_delta();
  delta.vocabulary_rank = vocabulary_rank;
  m.add_view(0, delta, "new", true);
  m.set_trainable(1, true);
  test::randomise(m, 1, 0.05f);
  m.set_trainable(1, false);
  for (const int view : {0, 1})
    m.for_each_block(view, [](layers::PeerBlock& block, int) { block.set_statistics(ops::Statistics::kFrozen); });
  return m;
}

// Logits of a window, and then those of the same tokens read one by one.
std::vector<float> read(Context& ctx, Model& m, int view) {
  const auto tokens = test::tiny_tokens(m.options().context, m.options().vocabulary);
  std::vector<float> logits = test::logits_of(ctx, m, view, tokens, m.options().context);
  model::Decoder decoder(ctx, m, view, 1);
  for (const std::int32_t token : tokens) {
    const auto following = decoder.read({&token, 1});
    logits.insert(logits.end(), following.data, following.data + following.size());
  }
  return logits;
}
std::vector<float> read_all(Context& ctx, Model& m) {
  std::vector<float> logits;
  for (int view = 0; view <= m.newest(); ++view) {
    if (m.retired(view)) continue;
    const auto of_view = read(ctx, m, view);
    logits.insert(logits.end(), of_view.begin(), of_view.end());
  }
  return logits;
}

std::int64_t copy_bytes_in(Model& m, int view) {
  std::int64_t bytes = 0;
  for (const auto& parameter : m.parameters(view)) bytes += parameter->copy_bytes();
  return bytes;
}

void forget_copies(Model& m) {
  for (int view = 0; view <= m.newest(); ++view)
    for (auto& parameter : m.parameters(view)) parameter->write();
}

// Of the logits of each token, as a share of their size; in order.
std::vector<double> differences(const std::vector<float>& fp32, const std::vector<float>& bf16, std::int64_t vocabulary) {
  REQUIRE(fp32.size() == bf16.size());
  std::vector<double> shares;
  for (std::size_t first = 0; first < fp32.size(); first += static_cast<std::size_t>(vocabulary)) {
    double squares = 0, difference = 0;
    for (std::size_t i = first; i < first + static_cast<std::size_t>(vocabulary); ++i)
      squares += std::pow(fp32[i], 2), difference += std::pow(fp32[i] - bf16[i], 2);
    shares.push_back(std::sqrt(difference / squares));
    REQUIRE(std::isfinite(shares.back()));
  }
  std::sort(shares.begin(), shares.end());
  return shares;
}

}  // namespace

TEST_CASE("reading in bf16 predicts nearly what reading in fp32 predicts, and the same from run to run") {
  const auto [rank, tied] = GENERATE(std::pair(0, false), std::pair(3, false), std::pair(0, true));
  CAPTURE(rank, tied);
  Context ctx(Device{}, 1);
  Model m = grown(rank, tied);
  const auto fp32 = read_all(ctx, m);
  const PrecisionScope scope(ctx, Precision::kBf16);
  const auto bf16 = read_all(ctx, m);
  const auto shares = differences(fp32, bf16, m.options().vocabulary);
  CHECK(shares.front() > 0);
  CHECK(shares[shares.size() / 2] < 0.01);  // not all: where two scores lie near to each other another expert may be picked
  CHECK(read_all(ctx, m) == bf16);
  Model same = grown(rank, tied);
  CHECK(read_all(ctx, same) == bf16);
}

TEST_CASE("the numbers of linear maps are rounded and no others: a model whose maps are rounded in place predicts the same bits") {
  const std::int64_t rank = GENERATE(0, 3);
  Context ctx(Device{}, 1);
  Model m = grown(rank), rounded = grown(rank);
  for (const int view : {0, 1})
    for (auto& parameter : rounded.parameters(view)) {
      const bool table = parameter->name.find("embed_tokens") != std::string::npos && !parameter->name.ends_with("embedding_B.weight");
      if (parameter->shape.size() != 2 || table) continue;
      Buffer<float>& numbers = parameter->write();
      for (std::int64_t i = 0; i < numbers.size(); ++i) numbers[i] = Bfloat16{bfloat16_of(numbers[i])};
    }
  CHECK(read_all(ctx, m) != read_all(ctx, rounded));
  const PrecisionScope scope(ctx, Precision::kBf16);
  CHECK(read_all(ctx, m) == read_all(ctx, rounded));
}

TEST_CASE("views share the copies of their base, the head's table has one, and what is no map of a product has none") {
  const bool tied = GENERATE(false, true);
  Context ctx(Device{}, 1);
  Model m = grown(0, tied);
  const PrecisionScope scope(ctx, Precision::kBf16);
  read(ctx, m, 0);
  const std::int64_t of_base = copy_bytes_in(m, 0);
  CHECK(copy_bytes_in(m, 1) == 0);
  read(ctx, m, 1);
  CHECK(copy_bytes_in(m, 0) == of_base);
  CHECK(copy_bytes_in(m, 1) > 0);
  std::int64_t maps = 0;
  for (const auto& parameter : m.base()) {
    const bool map = parameter->shape.size() == 2 && (tied || parameter->name != "model.embed_tokens.weight");
    CAPTURE(parameter->name);
    CHECK((parameter->copy_bytes() > 0) == map);
    if (map) maps += parameter->size();
  }
  CHECK(of_base == maps * static_cast<std::int64_t>(sizeof(Bfloat16)));
}

TEST_CASE("whatever changes a model that was read in bf16 is seen by the next reading") {
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, Precision::kBf16);
  Model m = grown();
  const auto before = read_all(ctx, m);
  bool changes = true;
  SECTION("numbers that are written") { test::randomise(m, 0, 0.05f, 4); }
  SECTION("a step on the base") { test::BareTraining(ctx, m, 0, 2).step(test::tiny_tokens(2 * m.options().context + 1, 257)); }
  SECTION("steps on the view, after which the base is trained") {
    for (const int view : {1, 0}) {
      test::BareTraining training(ctx, m, view, 2);
      for (int step = 0; step < 2; ++step) training.step(test::tiny_tokens(2 * m.options().context + 1, 257));
      m.set_trainable(view, false);
      read_all(ctx, m);
    }
  }
  SECTION("a view that is grown") {
    m.add_view(1, test::tiny_delta(), "newer", true);
    test::randomise(m, 2, 0.05f);
  }
  SECTION("a view that leaves") { m.retire(1); }
  SECTION("nothing") { changes = false; }
  const auto after = read_all(ctx, m);
  CHECK((after != before) == changes);
  forget_copies(m);
  CHECK(read_all(ctx, m) == after);
}

TEST_CASE("a base whose grids grow is read in bf16 as it was") {
  Context ctx(Device{}, 1);
  const PrecisionScope scope(ctx, Precision::kBf16);
  Model m(test::tiny_options(), 1);
  m.create_experts();
  const auto before = read(ctx, m, 0);
  m.extend(8);
  CHECK(read(ctx, m, 0) == before);
  m.open_all();
  const auto after = read(ctx, m, 0);
  forget_copies(m);
  CHECK(read(ctx, m, 0) == after);
}

TEST_CASE("a recorded step is recorded anew when a copy was made or dropped") {
  Context ctx(Device{}, 1);
  Model m = grown();
  const auto fp32 = model::launch_digest(m);
  read(ctx, m, 1);
  CHECK(model::launch_digest(m) == fp32);
  const PrecisionScope scope(ctx, Precision::kBf16);
  read(ctx, m, 1);
  const auto rounded = model::launch_digest(m);
  CHECK(rounded != fp32);
  read(ctx, m, 1);
  CHECK(model::launch_digest(m) == rounded);
  forget_copies(m);
  const auto dropped = model::launch_digest(m);
  CHECK(dropped != rounded);
  CHECK(dropped != fp32);
}
