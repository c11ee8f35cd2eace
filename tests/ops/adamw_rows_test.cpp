#include "peer/ops/adamw_rows.h"

#include <cmath>
#include <limits>

#include "peer/base/error.h"
#include "peer/ops/adamw_record.h"
#include "tests/reference/expert_ops.h"
#include "tests/support/catch.h"
#include "tests/support/expert_pages.h"
#include "tests/support/gradient_check.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {
const ops::AdamwRates kRates{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f};
constexpr ops::StepState kNow{};

ops::RowRule rule_of(float clip, std::uint64_t rounding = 77) { return {kRates, clip, &kNow, Random(rounding, Purpose::kRounding)}; }

// Experts 1, 4, 7, ...: some in frozen pages, some in trainable ones, and none in most rows.
struct Case {
  std::int64_t width, experts;
  PageKinds kinds = PageKinds::kMixed;
  float clip = 0;
  Element element = Element::kFloat32;
  ExpertPages pages{width, experts, 100, kinds, element};
  std::int64_t picked = (experts + 1) / 3;
  Buffer<std::int64_t> expert{picked};
  Buffer<float> gradient = random_normal(picked * 2 * width, 1);

  void run(Context& ctx) {
    for (std::int64_t c = 0; c < picked; ++c) expert[c] = 3 * c + 1;
    ops::adamw_rows(ctx, {rule_of(clip), expert.view(picked), gradient.view(picked, 2 * width), pages.rows()});
  }
};

reference::RecordState state_of(const ExpertPages& pages, std::int64_t expert) {
  const std::vector<float> row = pages.parameters(expert);
  const auto numbers = static_cast<std::int64_t>(row.size());
  const float* m = pages.state(expert);
  return {{row.begin(), row.end()}, {m, m + numbers}, {m + numbers, m + 2 * numbers}, m[2 * numbers]};
}
}  // namespace

TEST_CASE("adamw_rows gives the oracle's records, each with its own step count; of bf16 up to the rounding of the row") {
  Context ctx;
  for (const Element element : {Element::kFloat32, Element::kBfloat16})
    for (std::int64_t width : {1, 3, 16, 67})
      for (float clip : {0.0f, 0.5f, 1e6f}) {
        Case c{width, 23, PageKinds::kTrainable, clip, element};
        const ExpertPages before(width, 23, 100, PageKinds::kTrainable, element);
        c.run(ctx);
        for (std::int64_t i = 0; i < c.picked; ++i) {
          const std::int64_t e = c.expert[i];
          auto expected = state_of(before, e);
          const float* g = c.gradient.data() + i * 2 * width;
          reference::adamw_row(expected, {g, g + 2 * width},
                               {kRates.learning_rate, kRates.beta1, kRates.beta2, kRates.epsilon, kRates.weight_decay, clip});
          const auto actual = state_of(c.pages, e);
          CHECK(actual.steps == e % ExpertPages::kRowsPerPage + 1);
          CHECK(actual.steps == expected.steps);
          const auto close = [](const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
            for (std::size_t j = 0; j < a.size(); ++j)
              if (!(std::abs(a[j] - b[j]) <= tolerance * std::abs(b[j]) + 1e-5)) return false;
            return true;
          };
          CHECK(close(actual.weight, expected.weight, element == Element::kFloat32 ? 1e-5 : 0x1p-7));
          CHECK(close(actual.m, expected.m, 1e-5));
          CHECK(close(actual.v, expected.v, 1e-5));
        }
      }
}

TEST_CASE("a gradient's norm that overflowed is no reason for a step of zero: it shows in the weights") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  CHECK(ops::clip_factor(4, 1) == 0.25f);
  CHECK(ops::clip_factor(0.5f, 1) == 1);
  CHECK(std::isnan(ops::clip_factor(kInfinity, 1)));
  CHECK(ops::clip_factor(std::numeric_limits<float>::quiet_NaN(), 1) == 1);  // the gradient itself is NaN then
}

TEST_CASE("steps far below the grain of bf16 add up to what they add up to in fp32") {
  Context ctx;
  constexpr std::int64_t kWidth = 128, kSteps = 400;
  Buffer<std::int64_t> expert(1);
  const Buffer<float> gradient = filled<float>(2 * kWidth, 1.0f);  // AdamW then steps by the learning rate
  ops::StepState now;
  const ops::RowRule rule{{1e-4f, 0.0f, 0.0f, 1e-8f, 0}, 0, &now};
  ExpertPages pages(kWidth, 1, 100, PageKinds::kTrainable, Element::kBfloat16);
  const std::vector<float> before = pages.parameters(0);
  for (std::int64_t step = 0; step < kSteps; ++step)
    now.step = step + 1, ops::adamw_rows(ctx, {rule, expert.view(1), gradient.view(1, 2 * kWidth), pages.rows()});
  const std::vector<float> after = pages.parameters(0);
  double moved = 0;
  int large = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    moved += (before[i] - after[i]) / static_cast<double>(before.size());
    large += std::abs(before[i]) > 0.1f;  // whose grain is 2^-11 at least, ten steps wide: the nearest would never move
  }
  CHECK(large > 150);
  CHECK(moved == Approx(1e-4 * kSteps).epsilon(0.05));
}

TEST_CASE("bf16 rows are rounded by the key of the step: another key, other bits; in the mean the same") {
  Context ctx;
  const auto rows_with = [&](std::uint64_t key) {
    Case c{64, 40, PageKinds::kTrainable, 0, Element::kBfloat16};
    for (std::int64_t i = 0; i < c.picked; ++i) c.expert[i] = 3 * i + 1;
    ops::adamw_rows(ctx, {rule_of(0, key), c.expert.view(c.picked), c.gradient.view(c.picked, 128), c.pages.rows()});
    std::vector<float> all;
    for (std::int64_t e = 0; e < 40; ++e) {
      const std::vector<float> row = c.pages.parameters(e);
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  };
  const std::vector<float> one = rows_with(1), again = rows_with(1), other = rows_with(2);
  CHECK(one == again);
  CHECK(one != other);
  double difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) difference += (one[i] - other[i]) / static_cast<double>(one.size());
  CHECK(std::abs(difference) < 1e-4);  // a grain is 4e-3 at 1
}

TEST_CASE("adamw_rows changes no byte of a frozen page, of a row that was not picked, or of the padding") {
  Context ctx;
  Case c{5, 23};
  const ExpertPages before(5, 23, 100, PageKinds::kMixed);
  c.run(ctx);
  std::int64_t changed = 0;
  for (std::int64_t e = 0; e < c.experts; ++e) {
    const ops::ExpertPage& page = c.pages.page(e / ExpertPages::kRowsPerPage);
    const std::byte *now = c.pages.rows().record(e), *then = before.rows().record(e);
    const bool same = std::memcmp(now, then, static_cast<std::size_t>(page.stride)) == 0;
    CHECK(same == (e % 3 != 1 || !page.trainable));
    changed += !same;
    if (page.trainable) CHECK(std::memcmp(now + 31 * 4, then + 31 * 4, static_cast<std::size_t>(page.stride - 31 * 4)) == 0);
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
  for (const Element element : {Element::kFloat32, Element::kBfloat16}) {
    Case expected{67, 200, PageKinds::kMixed, 1, element};
    expected.run(one);
    for (int threads : {2, 5}) {
      Context ctx(Device{}, threads);
      Case c{67, 200, PageKinds::kMixed, 1, element};
      c.run(ctx);
      for (std::int64_t p = 0; p < c.pages.page_count(); ++p) CHECK(same_bits(c.pages.memory(p), expected.pages.memory(p)));
    }
  }
}

TEST_CASE("adamw_rows refuses experts that do not exist and trainable pages without room for the state") {
  Context ctx;
  Buffer<std::int64_t> expert(1);
  Buffer<float> gradient(8);
  Buffer<std::byte> memory(4 * 128);
  bool dirty = false;
  const ops::ExpertPage good{memory.data(), 128, true, &dirty}, bare{memory.data(), 32, true, &dirty},
      unmarked{memory.data(), 128, true, nullptr};
  const auto run = [&](const ops::ExpertPage& page) {
    ops::adamw_rows(ctx, {rule_of(0), expert.view(1), gradient.view(1, 8), {&page, 2, 4, 4}});
  };
  CHECK_NOTHROW(run(good));
  CHECK_THROWS_AS(run(bare), ContractError);
  CHECK_THROWS_AS(run(unmarked), ContractError);
  expert[0] = 4;
  CHECK_THROWS_AS(run(good), ContractError);
}
