// On PEER_TEST_DEVICE: a model of which every second page of the frozen base lies in the machine's memory, trained with and without copies
// of the rows that a batch needs of them. On the CPU there is no such page.
#include <cstring>
#include <set>

#include "peer/device/residence.h"
#include "peer/model/page_placement.h"
#include "tests/support/bare_training.h"
#include "tests/support/catch.h"
#include "tests/support/test_device.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kBatch = 2;
constexpr std::int64_t kAllOnDevice = -1, kNoSlots = 0, kFewSlots = 3, kEnoughSlots = 36;

// A view grown on the base, and the base's only PEER block.
struct Grown {
  Context ctx{test_device(), 1};
  model::Model model{tiny_options(), 3, test_device()};
  layers::PeerBlock* base = nullptr;

  // slots: of the base's block; kAllOnDevice: no page is on the host either.
  explicit Grown(std::int64_t slots) {
    model.create_experts();
    model.add_view(0, tiny_delta(), "x", true);
    randomise(model, 1, 0.1f);
    model.for_each_block(0, [&](layers::PeerBlock& block, int) { base = &block; });
    REQUIRE(base->experts().page_count() == 3);
    if (slots != kAllOnDevice) place(slots);
  }
  void place(std::int64_t slots) {
    for (std::int64_t p = 0; p < base->experts().page_count(); p += 2) {
      set_residence(ctx, base->experts().page_data(p), base->experts().page_bytes(p), Residence::kHost);
      ctx.wait();
      base->experts().set_on_host(p, true);
    }
    base->staging().reserve(model.device(), base->experts().rows(), slots);
  }
  bool is_on_host(std::int64_t expert) const { return base->experts().page(expert / base->experts().rows_per_page()).on_host; }

  std::vector<std::int32_t> text(std::uint64_t seed, std::int64_t more = 0) const {
    return tiny_tokens(kBatch * model.options().context + more, model.options().vocabulary, seed);
  }
  std::vector<float> logits(std::uint64_t seed) { return logits_of(ctx, model, 1, text(seed), model.options().context); }

  // What a step would train the view with: its loss is the sum of the logits' squares. `between` happens between forward and backward.
  std::vector<float> gradients(std::uint64_t seed, const std::function<void()>& between) {
    model.set_trainable(1, true);
    model::Activations saved(model, 1, kBatch, model.options().context, true);
    const Buffer<std::int32_t> token = on_device(text(seed));
    model.parameters(1).zero_gradients(ctx);
    model.forward(ctx, token.view(saved.tokens), saved, true);
    ctx.wait();
    between();
    model.backward(ctx, token.view(saved.tokens), saved, {});
    ctx.wait();
    std::vector<float> all;
    for (const auto& p : model.parameters(1)) all.insert(all.end(), p->gradient.data(), p->gradient.data() + p->gradient.size());
    return all;
  }
  Buffer<std::int32_t> on_device(const std::vector<std::int32_t>& tokens) const {
    Buffer<std::int32_t> there(model.device(), static_cast<std::int64_t>(tokens.size()));
    std::copy(tokens.begin(), tokens.end(), there.data());
    return there;
  }
  // How many different experts of pages on the host the base picks for a text.
  std::int64_t picked_on_host(std::uint64_t seed) {
    model::Activations saved(model, 0, kBatch, model.options().context, true);
    const Buffer<std::int32_t> token = on_device(text(seed));
    model.forward(ctx, token.view(saved.tokens), saved, false);
    ctx.wait();
    std::set<std::int64_t> picked;
    const Buffer<std::int64_t>& id = saved.blocks[1].branches[0].peer->id;
    for (std::int64_t i = 0; i < id.size(); ++i)
      if (is_on_host(id[i])) picked.insert(id[i]);
    return static_cast<std::int64_t>(picked.size());
  }
  void spoil_pages_on_host() {
    layers::ExpertTable& experts = base->experts();
    for (std::int64_t p = 0; p < experts.page_count(); ++p)
      if (experts.page(p).on_host) std::memset(experts.page_data(p), 0xff, static_cast<std::size_t>(experts.page_bytes(p)));
  }
};

struct Run {
  std::vector<double> loss;
  std::vector<float> weights;
  bool operator==(const Run&) const = default;
};

Run train(std::int64_t slots) {
  Grown grown(slots);
  BareTraining training(grown.ctx, grown.model, 1, kBatch);
  Run run;
  for (std::uint64_t step = 0; step < 6; ++step) {
    training.step(grown.text(step, 1));
    run.loss.push_back(training.loss());
    const std::int64_t needed = grown.base->staging().needed();
    CHECK((slots > kNoSlots ? needed > 0 : needed == 0));
    CHECK((slots == kFewSlots) == (needed > slots && slots > kNoSlots));
  }
  CHECK(training.recorded());
  for (const auto& p : grown.model.parameters(1)) run.weights.insert(run.weights.end(), p->value().data(), p->value().data() + p->size());
  grown.model.for_each_block(1, [&](layers::PeerBlock& block, int) {
    for (std::int64_t e = 0; e < block.experts().count(); ++e)
      run.weights.insert(run.weights.end(), block.experts().parameters(e), block.experts().parameters(e) + 2 * block.experts().width());
  });
  return run;
}

}  // namespace

TEST_CASE("training over a base half of which lies on the host gives the bits of one on the device, with copies, with few and with none") {
  if (test_device().is_cpu()) return;
  const Run expected = train(kAllOnDevice);
  CHECK(train(kNoSlots) == expected);
  CHECK(train(kFewSlots) == expected);
  CHECK(train(kEnoughSlots) == expected);
}

TEST_CASE("a row crosses the bus once: the backward reads the copies that the forward was given, and pages on the host no more") {
  if (test_device().is_cpu()) return;
  Grown plain(kAllOnDevice), staged(kEnoughSlots);
  const std::vector<float> expected = plain.gradients(1, [] {});
  CHECK(staged.gradients(1, [&] {
    const std::int64_t needed = staged.base->staging().needed();
    CHECK(needed > 0);
    CHECK(needed < kBatch * staged.model.options().context * staged.base->picks() / 2);  // or picks would not repeat
    staged.spoil_pages_on_host();
  }) == expected);
}

TEST_CASE("as many rows are copied as there are different experts among a batch's picks from the host") {
  if (test_device().is_cpu()) return;
  Grown grown(kEnoughSlots);
  for (const std::uint64_t seed : {1, 2, 3}) {
    const std::int64_t expected = grown.picked_on_host(seed);
    CHECK(expected > 0);
    CHECK(grown.base->staging().needed() == expected);
  }
}

TEST_CASE("after another batch a backward has its rows copied again, and changes no bit") {
  if (test_device().is_cpu()) return;
  Grown plain(kAllOnDevice), staged(kEnoughSlots), few(kFewSlots);
  const std::vector<float> expected = plain.gradients(1, [&] { plain.logits(2); });
  std::int64_t own = 0;
  CHECK(staged.gradients(1, [&] {
    own = staged.base->staging().needed();
    staged.logits(2);
    REQUIRE(staged.base->staging().needed() != own);
  }) == expected);
  CHECK(staged.base->staging().needed() == own);
  CHECK(few.gradients(1, [&] { few.logits(2); }) == expected);
}

TEST_CASE("a page that was replaced, trained or grown is never read from copies that were made before") {
  if (test_device().is_cpu()) return;
  Grown plain(kAllOnDevice), staged(kEnoughSlots);
  for (const std::uint64_t seed : {1, 2, 1}) CHECK(staged.logits(seed) == plain.logits(seed));
  const std::vector<float> before = plain.logits(1);
  for (Grown* grown : {&plain, &staged}) {
    grown->model.set_trainable(0, true);
    randomise(grown->model, 0, 0.1f);
  }
  REQUIRE(plain.logits(1) != before);
  CHECK(staged.logits(1) == plain.logits(1));
  CHECK(staged.base->staging().needed() == 0);  // its pages are elsewhere now

  staged.place(kEnoughSlots);  // trained pages on the host
  CHECK(staged.logits(1) == plain.logits(1));
  CHECK(staged.base->staging().needed() == 0);

  for (Grown* grown : {&plain, &staged}) grown->model.set_trainable(0, false);
  staged.place(kEnoughSlots);
  for (const std::uint64_t seed : {2, 1}) CHECK(staged.logits(seed) == plain.logits(seed));
  CHECK(staged.base->staging().needed() > 0);

  for (Grown* grown : {&plain, &staged}) {
    grown->model.extend(8);
    grown->model.open_all();
    randomise(grown->model, 0, 0.1f);  // of the rows too, on whichever side they lie
  }
  for (const std::uint64_t seed : {1, 2}) CHECK(staged.logits(seed) == plain.logits(seed));
  staged.place(kEnoughSlots);
  for (const std::uint64_t seed : {2, 1}) CHECK(staged.logits(seed) == plain.logits(seed));
  CHECK(staged.base->staging().needed() > 0);
}

TEST_CASE("copies take an eighth of the budget, in the blocks alone that have frozen pages on the host") {
  if (test_device().is_cpu()) return;
  Grown grown(kAllOnDevice);
  grown.model.set_trainable(1, true);
  const ops::ExpertRows rows = grown.base->experts().rows();
  std::int64_t trained = 0, frozen = 3 * grown.base->experts().page_bytes(0);
  const auto for_each_annex = [&](const std::function<void(layers::PeerBlock&)>& visit) {
    grown.model.for_each_block(1, [&](layers::PeerBlock& block, int) { visit(block); });
  };
  for_each_annex([&](layers::PeerBlock& block) { trained += block.experts().page_bytes(0) * block.experts().page_count(); });
  const auto slots_at = [&](std::int64_t budget_bytes) {
    model::PagePlacement placement(budget_bytes);
    placement.place(grown.ctx, grown.model);
    for_each_annex([](layers::PeerBlock& block) { CHECK(block.staging().slots() == 0); });
    return grown.base->staging().slots();
  };
  CHECK(slots_at(trained + frozen) == 0);  // all fit
  const std::int64_t budget = trained + frozen - 1, left = budget / 8 - layers::ExpertStaging::table_bytes(rows);
  CHECK(slots_at(budget) == left / layers::ExpertStaging::slot_bytes(rows));
  const std::int64_t leaves = layers::ExpertStaging::table_bytes(rows) + 2 * layers::ExpertStaging::slot_bytes(rows);
  CHECK(slots_at(trained + leaves) == 2);
  CHECK(slots_at(trained) == 0);
  CHECK(slots_at(trained / 2) == 0);
}

TEST_CASE("the room for copies is divided so that every block has some for as many tokens") {
  if (test_device().is_cpu()) return;
  Context ctx(test_device(), 1);
  model::ModelOptions options = tiny_options();
  model::DeltaOptions delta = tiny_delta();
  options.peer_side = 16, delta.annex_side = 8;
  model::Model model(options, 3, test_device());
  model.create_experts();
  model.add_view(0, delta, "x", true);
  model.set_trainable(1, false);
  std::vector<layers::PeerBlock*> blocks;  // the base's one, and two annexes
  for (const int view : {0, 1}) model.for_each_block(view, [&](layers::PeerBlock& block, int) { blocks.push_back(&block); });
  REQUIRE(blocks.size() == 3);

  constexpr std::int64_t kBudget = 40000;
  model::PagePlacement placement(kBudget);
  placement.place(ctx, model);
  for (layers::PeerBlock* block : blocks) {  // the first page of each is used least
    const auto uses = block->experts().uses();
    for (std::int64_t p = 0; p < uses.shape[0]; ++p) uses[p] = p == 0 ? 0 : 10;
  }
  placement.place(ctx, model);
  std::int64_t taken = 0, token_bytes = 0;
  for (layers::PeerBlock* block : blocks) {
    const ops::ExpertRows rows = block->experts().rows();
    CHECK(placement.on_host(block->experts().page_data(0)));
    CHECK(block->staging().slots() / block->picks() == blocks[0]->staging().slots() / blocks[0]->picks());
    taken += layers::ExpertStaging::table_bytes(rows) + block->staging().slots() * layers::ExpertStaging::slot_bytes(rows);
    token_bytes += block->picks() * layers::ExpertStaging::slot_bytes(rows);
  }
  CHECK(blocks[0]->staging().slots() > blocks[1]->staging().slots());
  CHECK(blocks[1]->staging().slots() == blocks[2]->staging().slots());
  CHECK(taken <= kBudget / 8);
  CHECK(taken > kBudget / 8 - token_bytes);
}
