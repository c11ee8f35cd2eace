#include "trainer/strategies/sparse_rows.h"

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

constexpr BlockId kLow{0}, kHigh{1};

// Three batches of old text: expert 0 of the low block in all, 1 in two, 2 in one; of the high block 0 in none, 5 in all.
RetrievalBackground background() {
  RetrievalBackground old;
  old.add({{kLow, {{0, 9}, {1, 1}, {2, 4}}}, {kHigh, {{5, 1}}}});
  old.add({{kLow, {{0, 3}, {1, 2}}}, {kHigh, {{5, 1}}}});
  RetrievalBackground more;
  more.add({{kLow, {{0, 1}}}, {kHigh, {{5, 7}}}});
  old.add(more);
  return old;
}

}  // namespace

TEST_CASE("rows rank by how often the batch retrieves them and how few old batches did, as worked out by hand") {
  // 20 retrievals, |B| = 3.   low 0: 10/20 ln(4/4) = 0        low 1: 4/20 ln(4/3) = 0.0575   low 2: 1/20 ln(4/2) = 0.0347
  //                           high 0: 2/20 ln(4/1) = 0.1386   high 5: 3/20 ln(4/4) = 0
  const RetrievalCounts batch = {{kLow, {{0, 10}, {1, 4}, {2, 1}}}, {kHigh, {{0, 2}, {5, 3}}}};
  const std::vector<ExpertId> ranking = {{kHigh, 0}, {kLow, 1}, {kLow, 2}, {kLow, 0}, {kHigh, 5}};  // the last two are equal
  for (std::int64_t rows = 0; rows <= 6; ++rows) {
    SparseRows sparse(background(), rows, 1);
    sparse.choose(batch);
    for (std::size_t rank = 0; rank < ranking.size(); ++rank)
      CHECK(sparse.chosen(ranking[rank].block(), ranking[rank].local()) == (static_cast<std::int64_t>(rank) < rows));
    CHECK_FALSE(sparse.chosen(kLow, 3));
  }
}

TEST_CASE("a background goes through named tensors and back") {
  const RetrievalBackground before = background();
  std::map<std::string, pool::Tensor> tensors;
  for (const pool::TensorView& t : before.tensors()) tensors[t.name] = {t.shape, {t.values, t.values + t.shape[0]}};
  const RetrievalBackground after = RetrievalBackground::from(tensors, "test");
  CHECK(after.batches() == 3);
  for (const BlockId block : {kLow, kHigh})
    for (std::int64_t e = 0; e < 9; ++e) CHECK(after.with(block, e) == before.with(block, e));
  tensors["something"] = {{1}, {1}};
  CHECK_THROWS_AS(RetrievalBackground::from(tensors, "test"), CorruptError);
}

TEST_CASE("retrievals are counted over every block on the view's path, each token's picks once") {
  Context ctx(Device{}, 1);
  model::Model model(tiny_options(), 1);
  model.create_experts();
  const int view = model.add_view(0, tiny_delta(), "", true);
  const std::vector<std::int32_t> tokens = tiny_tokens(32, 257);
  model::Activations saved(model, view, 2, 16, true);
  model.forward(ctx, {tokens.data(), 32}, saved, false);
  const RetrievalCounts counts = count_retrievals(model, saved);
  CHECK(counts.size() == 3);  // the base's layer, an annex in each of two
  for (const int v : {0, view})
    model.for_each_block(v, [&](layers::PeerBlock& block, int) {
      std::int64_t sum = 0;
      for (const auto& [expert, count] : counts.at(block.id())) sum += count;
      CHECK(sum == 32 * block.picks());
    });
}

TEST_CASE("a stage of sparse memory finetuning changes at most t rows a step, and not a bit of anything else") {
  const SmallWorld world;
  const std::string pool = world.init("pool");
  Session session = SmallWorld::open(pool);
  const auto options = [&](int domain, std::int64_t steps) {
    RunOptions o = world.options(domain, steps);
    o.stage = composed(Strategy::kSmf);
    o.stage.domain = kNames[domain], o.stage.rows = 5, o.stage.rows_background = 8;
    return o;
  };
  SmallWorld::run(session, options(0, 20));
  LoadedModel before = load_model(session.pool, session.generation, session.ctx.device());
  SmallWorld::run(session, options(1, 1));
  for (auto& parameter : session.loaded.model.base()) {
    const layers::Parameter& old = *before.model.base().find(parameter->name);
    CHECK(std::equal(old.value().data(), old.value().data() + old.size(), parameter->value().data()));
  }
  int moved = 0;
  session.loaded.model.for_each_block(0, [&](layers::PeerBlock& block, int) {
    before.model.for_each_block(0, [&](layers::PeerBlock& old, int) {
      const std::int64_t record = 2 * block.experts().width();
      for (std::int64_t e = 0; e < block.experts().count(); ++e)
        moved += !std::equal(old.experts().parameters(e), old.experts().parameters(e) + record, block.experts().parameters(e));
    });
  });
  CHECK(moved > 0);
  CHECK(moved <= 5);
}
