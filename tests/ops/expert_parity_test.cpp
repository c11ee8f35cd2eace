#include <cmath>

#include "peer/ops/adamw_rows.h"
#include "peer/ops/expert_mix.h"
#include "peer/ops/expert_number.h"
#include "peer/ops/expert_row_gradient.h"
#include "peer/ops/page_use.h"
#include "peer/ops/query_norm.h"
#include "peer/ops/router_gate.h"
#include "peer/ops/row_order.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;
using Floats = Buffer<float>;
using Bools = Buffer<bool>;
using Numbers = Buffer<std::int32_t>;
using Ids = Buffer<std::int64_t>;

namespace {

constexpr std::int64_t kTokens = 50, kPicks = 12, kWidth = 72, kExperts = 60;
constexpr int kShift = 3;  // eight records a page
constexpr std::int64_t kPages = (kExperts >> kShift) + 1, kStride = 6 * kWidth + 16;

// Pages in `memory`, every other one frozen, with their table on ctx's device.
struct Pages {
  Buffer<ops::ExpertPage> table;
  Pages(Context& ctx, Floats& memory, Bools& dirty) {
    Buffer<ops::ExpertPage> on_host(kPages);
    for (std::int64_t p = 0; p < kPages; ++p)
      on_host[p] = {reinterpret_cast<std::byte*>(memory.data() + (p << kShift) * kStride), kStride * 4, p % 2 == 0, dirty.data() + p};
    table = copy_to(ctx, ctx.device(), on_host);
  }
  ops::ExpertRows rows() const { return {table.data(), kShift, kWidth, kExperts}; }
};

// The fourth step of a run, on ctx's device.
struct Step {
  Buffer<ops::StepState> now;
  explicit Step(Context& ctx) : now(ctx.device(), 1) { now[0] = {.step = 4, .share = 0.7}; }
  ops::RowRule rule(float clip = 5) const {
    return {{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f}, clip, now.data(), Random(1234567, Purpose::kRounding)};
  }
};

// Random records; second moments and step counts are positive: a moment of zero would blow rounding errors of the gradient up.
Floats random_pages() {
  Floats memory = random_normal((kPages << kShift) * kStride, 100);
  for (std::int64_t i = 0; i < memory.size(); ++i)
    if (i % kStride >= 4 * kWidth) memory[i] = 1 + std::floor(4 * std::abs(memory[i]));
  return memory;
}

// Of most experts, and `of_one` of a single one.
Ids picks_with_favourite(std::int64_t of_one) {
  Ids id = random_below<std::int64_t>(kTokens * kPicks, 1, kExperts - 9);
  for (std::int64_t i = 0; i < of_one; ++i) id[i] = 17;
  return id;
}

// A device may say that there are more segments than there are: what is behind the last is empty, and belongs to no expert.
void clear_empty_segments(std::int64_t segments, Ids& expert, Numbers& begin) {
  for (std::int64_t u = segments - 1; u >= 0 && expert[u] < 0; --u) {
    CHECK(begin[u] == begin[u + 1]);
    expert[u] = 0, begin[u + 1] = 0;
  }
}

View<float, 2> by_pick(Floats& b) { return b.view(kTokens, kPicks); }
View<float, 2> by_width(Floats& b) { return b.view(kTokens, kWidth); }

}  // namespace

TEST_CASE("router_gate and its backward are the same on both devices") {
  for (const GateKind kind : {GateKind::kSoftmax, GateKind::kSigmoid, GateKind::kRelu})
    check_parity(
        [&](Context& ctx, Floats& score, Floats& gate, Floats& dgate, Floats& dscore) {
          ops::router_gate(ctx, {kind, score.view(31, 4, 9), gate.view(31, 4, 9)});
          ops::router_gate_backward(ctx, {kind, gate.view(31, 4, 9), dgate.view(31, 4, 9), dscore.view(31, 4, 9)});
        },
        random_normal(31 * 4 * 9, 1), Floats(31 * 4 * 9), random_normal(31 * 4 * 9, 2), Floats(31 * 4 * 9));
}

TEST_CASE("expert_mix and its backward are the same on both devices") {
  for (const ActivationKind kind : {ActivationKind::kGelu, ActivationKind::kRelu})
    check_parity(
        [&](Context& ctx, Floats& memory, Bools& dirty, Floats& x, Ids& id, Floats& gate, Floats& hidden, Floats& y, Floats& dgate,
            Floats& dhidden, Floats& up_weight, Floats& dx) {
          const Pages pages(ctx, memory, dirty);
          ops::expert_mix(ctx, {kind, by_width(x), id.view(kTokens, kPicks), by_pick(gate), pages.rows(), by_pick(hidden), by_width(y)});
          ops::expert_mix_backward(ctx, {kind, id.view(kTokens, kPicks), by_pick(gate), by_pick(hidden), pages.rows(), by_width(x),
                                         by_pick(dgate), by_pick(dhidden), by_pick(up_weight), by_width(dx)});
        },
        random_pages(), Bools(kPages), random_normal(kTokens * kWidth, 1, 0.2), random_below<std::int64_t>(kTokens * kPicks, 2, kExperts),
        random_normal(kTokens * kPicks, 3), Floats(kTokens * kPicks), random_normal(kTokens * kWidth, 4), Floats(kTokens * kPicks),
        Floats(kTokens * kPicks), Floats(kTokens * kPicks), random_normal(kTokens * kWidth, 5));
}

TEST_CASE("expert_mix and its backward of many tokens, of which a block takes each, are the same on both devices") {
  constexpr std::int64_t kMany = 1030, kFew = 3;
  const auto wide = [](Floats& b) { return b.view(kMany, kWidth); };
  const auto narrow = [](Floats& b) { return b.view(kMany, kFew); };
  check_parity(
      [&](Context& ctx, Floats& memory, Bools& dirty, Floats& x, Ids& id, Floats& gate, Floats& hidden, Floats& y, Floats& dgate,
          Floats& dhidden, Floats& up_weight, Floats& dx) {
        const Pages pages(ctx, memory, dirty);
        const auto ids = id.view(kMany, kFew);
        ops::expert_mix(ctx, {ActivationKind::kGelu, wide(x), ids, narrow(gate), pages.rows(), narrow(hidden), wide(y)});
        ops::expert_mix_backward(ctx, {ActivationKind::kGelu, ids, narrow(gate), narrow(hidden), pages.rows(), wide(x), narrow(dgate),
                                       narrow(dhidden), narrow(up_weight), wide(dx)});
      },
      random_pages(), Bools(kPages), random_normal(kMany * kWidth, 1, 0.2), random_below<std::int64_t>(kMany * kFew, 2, kExperts),
      random_normal(kMany * kFew, 3), Floats(kMany * kFew), random_normal(kMany * kWidth, 4), Floats(kMany * kFew), Floats(kMany * kFew),
      Floats(kMany * kFew), random_normal(kMany * kWidth, 5));
}

// Records of bf16, all of them frozen, or all trainable with some state.
struct Bf16Pages {
  static constexpr std::int64_t kBytes = (20 * kWidth + 4 + 63) / 64 * 64;
  Buffer<std::byte> memory;
  Bools dirty;
  Buffer<ops::ExpertPage> table;

  Bf16Pages(Context& ctx, bool trainable) : memory(ctx.device(), (kPages << kShift) * kBytes), dirty(ctx.device(), kPages) {
    table = Buffer<ops::ExpertPage>(ctx.device(), kPages);
    for (std::int64_t p = 0; p < kPages; ++p) table[p] = {memory.data() + (p << kShift) * kBytes, kBytes, trainable, &dirty[p]};
    const Floats numbers = random_normal(kExperts * 6 * kWidth, 100);
    for (std::int64_t e = 0; e < kExperts; ++e)
      for (std::int64_t i = 0; i < 2 * kWidth; ++i) {
        const float* number = numbers.data() + e * 6 * kWidth + 3 * i;
        rows().parameters<Bfloat16>(e)[i].bits = bfloat16_of(number[0]);
        rows().state<Bfloat16>(e)[i] = number[1];
        rows().state<Bfloat16>(e)[2 * kWidth + i] = 1 + std::abs(number[2]);
      }
  }
  ops::ExpertRows rows() { return {table.data(), kShift, kWidth, kExperts, Element::kBfloat16}; }
};

TEST_CASE("expert_mix and its backward over rows of bf16 are the same on both devices") {
  check_parity(
      [&](Context& ctx, Floats& x, Ids& id, Floats& gate, Floats& hidden, Floats& y, Floats& dgate, Floats& dhidden, Floats& up_weight,
          Floats& dx) {
        Bf16Pages pages(ctx, false);
        ops::expert_mix(
            ctx, {ActivationKind::kGelu, by_width(x), id.view(kTokens, kPicks), by_pick(gate), pages.rows(), by_pick(hidden), by_width(y)});
        ops::expert_mix_backward(ctx, {ActivationKind::kGelu, id.view(kTokens, kPicks), by_pick(gate), by_pick(hidden), pages.rows(),
                                       by_width(x), by_pick(dgate), by_pick(dhidden), by_pick(up_weight), by_width(dx)});
        ctx.wait();
      },
      random_normal(kTokens * kWidth, 1, 0.2), random_below<std::int64_t>(kTokens * kPicks, 2, kExperts),
      random_normal(kTokens * kPicks, 3), Floats(kTokens * kPicks), random_normal(kTokens * kWidth, 4), Floats(kTokens * kPicks),
      Floats(kTokens * kPicks), Floats(kTokens * kPicks), random_normal(kTokens * kWidth, 5));
}

// Both devices draw the same random bits; only where their sums in fp32 differ by a rounding may a number land on the other neighbour.
TEST_CASE("adamw_rows rounds rows of bf16 the same on both devices") {
  const auto updated = [](Context& ctx) {
    Bf16Pages pages(ctx, true);
    Ids expert(ctx.device(), kExperts);
    for (std::int64_t e = 0; e < kExperts; ++e) expert[e] = kExperts - 1 - e;
    const Floats gradient = copy_to(ctx, ctx.device(), random_normal(kExperts * 2 * kWidth, 7));
    const Step step(ctx);
    ops::adamw_rows(ctx, {step.rule(), expert.view(kExperts), gradient.view(kExperts, 2 * kWidth), pages.rows()});
    ctx.wait();
    std::vector<float> rows;
    for (std::int64_t e = 0; e < kExperts; ++e)
      for (std::int64_t i = 0; i < 2 * kWidth; ++i) rows.push_back(pages.rows().parameters<Bfloat16>(e)[i]);
    return rows;
  };
  Context cpu, cuda(parse_device("cuda"));
  const std::vector<float> expected = updated(cpu), actual = updated(cuda);
  int apart = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::abs(actual[i] - expected[i]) <= 0x1p-7f * std::abs(expected[i]));
    apart += actual[i] != expected[i];
  }
  CHECK(apart <= static_cast<int>(expected.size() / 1000));
}

TEST_CASE("expert_number is the same on both devices") {
  check_parity(
      [&](Context& ctx, Numbers& row, Numbers& column, Ids& id) {
        ops::expert_number(ctx, {row.view(900), column.view(900), id.view(900)});
      },
      random_below<std::int32_t>(900, 1, 1000), random_below<std::int32_t>(900, 2, 1000), Ids(900));
}

TEST_CASE("page_use is the same on both devices") {
  check_parity(
      [&](Context& ctx, Ids& id, Buffer<std::uint32_t>& uses) {
        ops::page_use(ctx, {id.view(90, 10), 4, uses.view(20)});
      },
      random_below<std::int64_t>(900, 1, 320), filled<std::uint32_t>(20, 3));
}

TEST_CASE("row_order, expert_row_gradient and adamw_rows are the same on both devices, however many picks an expert has") {
  for (const std::int64_t of_one : {0, 590})
    check_parity(
        [&](Context& ctx, Floats& memory, Bools& dirty, Ids& id, Numbers& order, Ids& expert, Numbers& begin, Floats& x, Floats& dy,
            Floats& dhidden, Floats& up_weight, Floats& gradient) {
          constexpr std::int64_t kSlots = kTokens * kPicks;
          const std::int64_t picked =
              ops::row_order(ctx, {id.view(kTokens, kPicks), kExperts, order.view(kSlots), expert.view(kSlots), begin.view(kSlots + 1)});
          ops::expert_row_gradient(ctx, {by_width(x), by_width(dy), by_pick(dhidden), by_pick(up_weight), order.view(kSlots),
                                         begin.view(kSlots + 1), 0, gradient.view(picked, 2 * kWidth)});
          const Pages pages(ctx, memory, dirty);
          const Step step(ctx);
          ops::adamw_rows(ctx, {step.rule(), expert.view(picked), gradient.view(picked, 2 * kWidth), pages.rows()});
          ctx.wait();
          clear_empty_segments(picked, expert, begin);
        },
        random_pages(), Bools(kPages), picks_with_favourite(of_one), Numbers(kTokens * kPicks), Ids(kTokens * kPicks),
        Numbers(kTokens * kPicks + 1), random_normal(kTokens * kWidth, 2), random_normal(kTokens * kWidth, 3),
        random_normal(kTokens * kPicks, 4), random_normal(kTokens * kPicks, 5), Floats(kTokens * kPicks * 2 * kWidth));
}

TEST_CASE("row_order of many picks is the same on both devices") {
  constexpr std::int64_t kMany = 20000;
  check_parity(
      [&](Context& ctx, Ids& id, Numbers& order, Ids& expert, Numbers& begin) {
        const std::int64_t picked =
            ops::row_order(ctx, {id.view(kMany, 1), 3000, order.view(kMany), expert.view(kMany), begin.view(kMany + 1)});
        ctx.wait();
        clear_empty_segments(picked, expert, begin);
      },
      random_below<std::int64_t>(kMany, 1, 3000), Numbers(kMany), Ids(kMany), Numbers(kMany + 1));
}

TEST_CASE("query_norm and its backward are the same on both devices for every kind") {
  struct Norm {
    QueryNormKind kind;
    ops::Statistics statistics;
  };
  using enum QueryNormKind;
  constexpr std::int64_t kHeads = 3, kKey = 40, kColumns = kHeads * kKey, kSize = kTokens * kColumns;
  const auto queries = [](Floats& b) { return b.view(kTokens, kHeads, kKey); };
  for (const Norm norm :
       {Norm{kNone, ops::Statistics::kFrozen}, Norm{kBatch, ops::Statistics::kFrozen}, Norm{kBatch, ops::Statistics::kBatch},
        Norm{kLayer, ops::Statistics::kFrozen}, Norm{kRms, ops::Statistics::kFrozen}})
    check_parity(
        [&](Context& ctx, Floats& q, Floats& weight, Floats& bias, Floats& running_mean, Floats& running_variance, Floats& y, Floats& mean,
            Floats& inverse_std, Floats& dy, Floats& dq, Floats& dweight, Floats& dbias) {
          const bool centred = norm.kind == kBatch || norm.kind == kLayer;
          ops::query_norm(ctx, {norm.kind, norm.statistics, queries(q), weight.view(kColumns), bias.view(kColumns), 1e-5f, 0.1f,
                                running_mean.view(kColumns), running_variance.view(kColumns), queries(y), mean.view(kTokens * kColumns),
                                inverse_std.view(kTokens * kColumns)});
          ops::query_norm_backward(
              ctx, {norm.kind, norm.statistics, queries(q), weight.view(kColumns), mean.view(kTokens * kColumns),
                    inverse_std.view(kTokens * kColumns), queries(dy), queries(dq),
                    norm.kind == kNone ? View<float, 1>{} : dweight.view(kColumns), centred ? dbias.view(kColumns) : View<float, 1>{}});
        },
        random_normal(kSize, 1, 2, 1), random_normal(kColumns, 2), random_normal(kColumns, 3), random_normal(kColumns, 4),
        filled<float>(kColumns, 0.75f), Floats(kSize), Floats(kSize), Floats(kSize), random_normal(kSize, 7), Floats(kSize),
        random_normal(kColumns, 5), random_normal(kColumns, 6));
}
