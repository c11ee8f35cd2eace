#include "peer/ops/adamw_rows.h"

#include "peer/base/error.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/expert_pages.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
const ops::AdamwRates kRates{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f};

// Experts 1, 4, 7, ...: some in frozen pages, some in trainable ones, and none in most rows.
struct Case {
  std::int64_t width, experts;
  PageKinds kinds = PageKinds::kMixed;
  float clip = 0;
  ExpertPages pages{width, experts, 100, kinds};
  std::int64_t picked = (experts + 1) / 3;
  Buffer<std::int64_t> expert{picked};
  Buffer<float> gradient = random_normal(picked * 2 * width, 1);

  void run(Context& ctx) {
    for (std::int64_t c = 0; c < picked; ++c) expert[c] = 3 * c + 1;
    ops::adamw_rows(ctx, {kRates, clip, expert.view(picked), gradient.view(picked, 2 * width), pages.rows()});
  }
};

reference::RecordState state_of(const float* record, std::int64_t width) {
  return {
      {record, record + 2 * width}, {record + 2 * width, record + 4 * width}, {record + 4 * width, record + 6 * width}, record[6 * width]};
}
}  // namespace

TEST_CASE("adamw_rows gives the oracle's records, each with its own step count") {
  Context ctx;
  for (std::int64_t width : {1, 3, 16, 67})
    for (float clip : {0.0f, 0.5f, 1e6f}) {
      Case c{width, 23, PageKinds::kTrainable, clip};
      const ExpertPages before(width, 23, 100, PageKinds::kTrainable);
      c.run(ctx);
      for (std::int64_t i = 0; i < c.picked; ++i) {
        const std::int64_t e = c.expert[i];
        auto expected = state_of(before.rows().record(e), width);
        const float* g = c.gradient.data() + i * 2 * width;
        reference::adamw_row(expected, {g, g + 2 * width},
                             {kRates.learning_rate, kRates.beta1, kRates.beta2, kRates.epsilon, kRates.weight_decay, clip});
        const auto actual = state_of(c.pages.rows().record(e), width);
        CHECK(actual.steps == e % ExpertPages::kRowsPerPage + 1);
        CHECK(actual.steps == expected.steps);
        const auto close = [](const std::vector<double>& a, const std::vector<double>& b) {
          for (std::size_t j = 0; j < a.size(); ++j)
            if (!(std::abs(a[j] - b[j]) <= 1e-5 * (1 + std::abs(b[j])))) return false;
          return true;
        };
        CHECK(close(actual.weight, expected.weight));
        CHECK(close(actual.m, expected.m));
        CHECK(close(actual.v, expected.v));
      }
    }
}

TEST_CASE("adamw_rows changes no byte of a frozen page, of a row that was not picked, or of the padding") {
  Context ctx;
  Case c{5, 23};
  const ExpertPages before(5, 23, 100, PageKinds::kMixed);
  c.run(ctx);
  std::int64_t changed = 0;
  for (std::int64_t e = 0; e < c.experts; ++e) {
    const ops::ExpertPage& page = c.pages.page(e / ExpertPages::kRowsPerPage);
    const float *now = c.pages.rows().record(e), *then = before.rows().record(e);
    const bool same = std::memcmp(now, then, static_cast<std::size_t>(page.stride) * sizeof(float)) == 0;
    CHECK(same == (e % 3 != 1 || !page.trainable));
    changed += !same;
    if (page.trainable) CHECK(std::memcmp(now + 31, then + 31, static_cast<std::size_t>(page.stride - 31) * sizeof(float)) == 0);
  }
  CHECK(changed > 0);
}

TEST_CASE("adamw_rows marks the pages that it changed, and only those") {
  Context ctx;
  Case c{4, 40};
  c.picked = 3;  // experts 1, 4, 7: the first page is frozen, the second trainable
  c.run(ctx);
  for (std::int64_t p = 0; p < c.pages.page_count(); ++p) CHECK(c.pages.dirty(p) == (p == 1));
}

TEST_CASE("adamw_rows gives the same bits for any number of threads") {
  Context one(Device{}, 1);
  Case expected{67, 200};
  expected.clip = 1;
  expected.run(one);
  for (int threads : {2, 5}) {
    Context ctx(Device{}, threads);
    Case c{67, 200};
    c.clip = 1;
    c.run(ctx);
    for (std::int64_t p = 0; p < c.pages.page_count(); ++p) CHECK(same_bits(c.pages.memory(p), expected.pages.memory(p)));
  }
}

TEST_CASE("adamw_rows refuses experts that do not exist and trainable pages without room for the state") {
  Context ctx;
  Buffer<std::int64_t> expert(1);
  Buffer<float> gradient(8), memory(4 * 26);
  bool dirty = false;
  const ops::ExpertPage good{memory.data(), 26, true, &dirty}, bare{memory.data(), 8, true, &dirty},
      unmarked{memory.data(), 26, true, nullptr};
  const auto run = [&](const ops::ExpertPage& page) {
    ops::adamw_rows(ctx, {kRates, 0, expert.view(1), gradient.view(1, 8), {&page, 2, 4, 4}});
  };
  CHECK_NOTHROW(run(good));
  CHECK_THROWS_AS(run(bare), ContractError);
  CHECK_THROWS_AS(run(unmarked), ContractError);
  expert[0] = 4;
  CHECK_THROWS_AS(run(good), ContractError);
}
