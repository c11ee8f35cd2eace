// Changes of embedding and head of low rank.
#include "peer/model/vocabulary_delta.h"

#include <cmath>

#include "peer/device/timed_step.h"
#include "peer/model/model.h"
#include "peer/model/model_cost.h"
#include "tests/support/bare_training.h"
#include "tests/support/catch.h"
#include "tests/support/tiny_model.h"

using namespace peer;
using model::Model;

namespace {

constexpr std::int64_t kRank = 3;

model::DeltaOptions of_rank(std::int64_t rank) {
  model::DeltaOptions delta = test::tiny_delta();
  delta.vocabulary_rank = rank;
  return delta;
}

layers::Parameter& tensor(Model& m, int view, const std::string& name) {
  layers::Parameter* p = m.parameters(view).find(m.view(view).name + name);
  REQUIRE(p != nullptr);
  return *p;
}

// table (V, D) = rows (V, r) columns, of which columns(k, i) is the i-th number in direction k
template <class Columns>
void set_product(layers::Parameter& table, const layers::Parameter& rows, Columns&& columns) {
  for (std::int64_t v = 0; v < table.shape[0]; ++v)
    for (std::int64_t i = 0; i < table.shape[1]; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < kRank; ++k) sum += static_cast<double>(rows.matrix().row(v)[k]) * columns(k, i);
      table.write()[v * table.shape[1] + i] = static_cast<float>(sum);
    }
}

bool all_zero(const float* numbers, std::int64_t count) {
  return std::all_of(numbers, numbers + count, [](float x) { return x == 0; });
}

}  // namespace

TEST_CASE("a view of low rank computes what the tables that its factors multiply to compute, alone and below another view") {
  Context ctx({}, 2);
  Model low(test::tiny_options(), 5), full(test::tiny_options(), 5);
  for (Model* m : {&low, &full}) {
    m->create_experts();
    for (const int parent : {0, 1}) {
      model::DeltaOptions delta = of_rank(m == &low ? kRank : 0);
      delta.annex_side = 0;
      m->add_view(parent, delta, "", true);
      test::randomise(*m, parent + 1, 0.3f);
    }
  }
  for (const int view : {1, 2}) {
    for (auto& parameter : low.parameters(view))
      if (layers::Parameter* same = full.parameters(view).find(parameter->name))
        std::copy_n(parameter->value().data(), parameter->size(), same->write().data());
    const layers::Parameter &p = tensor(low, view, ".embed_tokens.lora_embedding_B.weight"),
                            &a = tensor(low, view, ".lm_head.lora_A.weight");
    set_product(tensor(full, view, ".embed_tokens.delta"), tensor(low, view, ".embed_tokens.lora_embedding_A.weight"),
                [&](std::int64_t k, std::int64_t i) { return p.matrix().row(i)[k]; });
    set_product(tensor(full, view, ".lm_head.delta"), tensor(low, view, ".lm_head.lora_B.weight"),
                [&](std::int64_t k, std::int64_t i) { return a.matrix().row(k)[i]; });
  }
  const auto tokens = test::tiny_tokens(64, 257);
  for (const int view : {1, 2}) {
    const auto x = test::logits_of(ctx, low, view, tokens, 16), y = test::logits_of(ctx, full, view, tokens, 16);
    double apart = 0, size = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      apart = std::max(apart, std::abs(double{x[i]} - double{y[i]}));
      size = std::max(size, std::abs(double{y[i]}));
    }
    CHECK(apart < 1e-4 * size);
  }
}

TEST_CASE("training moves all four factors, but not the embedding of a token that was in no batch") {
  Context ctx({}, 2);
  Model m(test::tiny_options(), 5);
  m.create_experts();
  const int view = m.add_view(0, of_rank(kRank), "", true);
  std::vector<std::vector<float>> before;
  const auto names = {".embed_tokens.lora_embedding_A.weight", ".embed_tokens.lora_embedding_B.weight", ".lm_head.lora_A.weight",
                      ".lm_head.lora_B.weight"};
  for (const char* name : names) {
    const layers::Parameter& p = tensor(m, view, name);
    before.emplace_back(p.value().data(), p.value().data() + p.size());
  }
  CHECK(all_zero(before[0].data(), std::ssize(before[0])));
  CHECK(all_zero(before[3].data(), std::ssize(before[3])));
  test::BareTraining training(ctx, m, view, 2);
  const auto text = test::tiny_tokens(2 * m.options().context + 1, m.options().vocabulary);
  for (int step = 0; step < 3; ++step) training.step(text);
  auto old = before.begin();
  for (const char* name : names) {
    CAPTURE(std::string(name));
    CHECK_FALSE(std::equal(old->begin(), old->end(), tensor(m, view, name).value().data()));
    ++old;
  }
  const layers::Parameter& rows = tensor(m, view, ".embed_tokens.lora_embedding_A.weight");
  for (std::int64_t v = 0; v < rows.shape[0]; ++v) {
    const bool read = std::find(text.begin(), text.end(), v) != text.end();
    if (!read) REQUIRE(all_zero(rows.matrix().row(v), kRank));
  }
}

TEST_CASE("with first-layer there is no change of the embedding, and activations of low rank hold no further (N, V)") {
  Model m(test::tiny_options(), 5);
  m.create_experts();
  model::DeltaOptions upper = of_rank(kRank);
  upper.first_layer = 1;
  const int view = m.add_view(m.add_view(0, of_rank(kRank), "", true), upper, "", true);
  CHECK(m.parameters(view).find("v2.embed_tokens.lora_embedding_A.weight") == nullptr);
  CHECK(m.parameters(view).count() == model::cost_of(m.options(), upper).dense_parameters);
  const model::Activations kept(m, view, 2, 16, true), read(m, view, 2, 16, false);
  REQUIRE(kept.vocabulary.size() == 2);
  CHECK(kept.vocabulary[0].embedded.size() == 32 * kRank);
  CHECK(kept.vocabulary[1].embedded.empty());
  for (const auto& low : kept.vocabulary) CHECK((low.projected.size() == 32 * kRank && low.dlow.size() == 32 * kRank));
  for (const auto& low : read.vocabulary) CHECK((low.projected.size() == 32 * kRank && low.dlow.empty()));
}

TEST_CASE("the products of a grown view's forward pass are those that its cost counts") {
  Context ctx(Device{}, 1);
  Model m(test::tiny_options(), 5);
  m.create_experts();
  model::DeltaOptions delta = of_rank(kRank);
  delta.annex_side = 0;
  const int view = m.add_view(0, delta, "", true);
  const auto tokens = test::tiny_tokens(32, 257);
  const auto products = [&](int v) {
    Profile profile;
    {
      const TimedStep step(ctx, &profile);
      test::logits_of(ctx, m, v, tokens, 16);
    }
    double flops = 0;
    for (const Profile::Entry& entry : profile.entries())
      if (entry.name == "gemm") flops += entry.work.flops;
    return flops;
  };
  CHECK(products(view) - products(0) == 32 * static_cast<double>(model::cost_of(m.options(), delta).forward_flops));
}
