// On PEER_TEST_DEVICE, since on the CPU there is nothing to place.
#include "peer/model/page_placement.h"

#include "tests/support/bare_training.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::test;

namespace {

struct Pool {
  Context ctx{test_device(), 1};
  model::Model model{tiny_options(), 3, test_device()};
  Pool() { model.create_experts(); }

  layers::ExpertTable& experts() {
    layers::ExpertTable* table = nullptr;
    model.for_each_block(0, [&](layers::PeerBlock& block, int) { table = &block.experts(); });
    return *table;
  }
  std::int64_t bytes() {
    std::int64_t sum = 0;
    for (std::int64_t p = 0; p < experts().page_count(); ++p) sum += experts().page_bytes(p);
    return sum;
  }
};

std::vector<double> losses(Pool& pool, std::int64_t budget_bytes) {
  BareTraining training(pool.ctx, pool.model, 0, 1);
  model::PagePlacement placement(budget_bytes);
  placement.place(pool.ctx, pool.model);
  std::vector<double> all;
  for (int step = 0; step < 6; ++step) {
    training.step(tiny_tokens(pool.model.options().context + 1, pool.model.options().vocabulary, static_cast<std::uint64_t>(step)));
    placement.place(pool.ctx, pool.model);
    all.push_back(training.loss());
  }
  return all;
}

}  // namespace

TEST_CASE("pages that fit are left where they are, and their picks are not counted") {
  Pool pool;
  model::PagePlacement placement(pool.bytes());
  placement.place(pool.ctx, pool.model);
  CHECK(placement.pages_on_host() == 0);
  CHECK(pool.experts().uses().empty());
  pool.model.for_each_block(0, [](layers::PeerBlock& block, int) { CHECK(block.staging().slots() == 0); });
}

TEST_CASE("of pages that do not fit, those that are used most are kept on the device") {
  if (test_device().is_cpu()) return;
  Pool pool;
  REQUIRE(pool.experts().page_count() == 3);
  model::PagePlacement placement(pool.bytes() / 2);  // room for one of three
  placement.place(pool.ctx, pool.model);
  CHECK(placement.pages() == 3);
  CHECK(placement.pages_on_host() == 2);
  CHECK(placement.on_host(pool.experts().page_data(2)));  // nothing is known yet: the first page stays
  CHECK_FALSE(placement.on_host(pool.experts().page_data(0)));

  model::Activations saved(pool.model, 0, 1, pool.model.options().context, false);
  Buffer<std::int32_t> token(test_device(), saved.tokens);
  pool.model.forward(pool.ctx, token.view(saved.tokens), saved, false);
  pool.ctx.wait();
  std::uint32_t counted = 0;
  for (std::int64_t p = 0; p < 3; ++p) counted += pool.experts().uses()[p];
  CHECK(counted == saved.tokens * tiny_options().peer.heads * tiny_options().peer.top_k);

  for (std::int64_t p = 0; p < 3; ++p) pool.experts().uses()[p] = p == 2 ? 100 : 7;
  for (int step = 0; step < 63; ++step) placement.after_step(pool.ctx, pool.model);
  CHECK(placement.on_host(pool.experts().page_data(2)));
  placement.after_step(pool.ctx, pool.model);
  CHECK_FALSE(placement.on_host(pool.experts().page_data(2)));
  CHECK(placement.on_host(pool.experts().page_data(0)));
  CHECK(pool.experts().uses()[2] == 50);  // what was counted weighs half as much from now on
}

TEST_CASE("where pages lie changes no bit of a training run") {
  Pool all_there, one_there;
  CHECK(losses(all_there, all_there.bytes() * 100) == losses(one_there, one_there.bytes() / 2));
}
