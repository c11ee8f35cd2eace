// expert_mix and its backward on a GPU over experts whose pages are on the host: as they lie, and as stage_experts copies them.
#include "peer/ops/stage_experts.h"

#include <cstring>
#include <set>

#include "peer/ops/expert_mix.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;
using Floats = Buffer<float>;

namespace {

constexpr std::int64_t kExperts = 64;
constexpr int kShift = 3;  // eight records a page; every second page on the host

bool is_on_host(std::int64_t expert) { return (expert >> kShift) % 2 == 1; }

// What happens to the records of pages on the host once they were staged.
enum class Afterwards { kLeft, kSpoilt };

struct Case {
  std::int64_t tokens, picks, width;
  Element element;
};

struct Result {
  Floats hidden, y, dgate, dhidden, up_weight, dx;
  std::vector<std::int32_t> expert = {};  // of each copy
  std::uint32_t taken = 0;
  std::set<std::int64_t> picked = {};
};
constexpr Floats Result::*kAll[] = {&Result::hidden, &Result::y, &Result::dgate, &Result::dhidden, &Result::up_weight, &Result::dx};

// slots 0: nothing is staged.
Result mixed(const Case& c, std::int64_t slots, Afterwards afterwards = Afterwards::kLeft) {
  const Device device = parse_device("cuda");
  Context ctx(device);
  const std::int64_t stride = ops::frozen_record_bytes(c.width, c.element);
  Buffer<std::byte> memory(device, kExperts * stride);
  Buffer<ops::ExpertPage> table(device, kExperts >> kShift);
  for (std::int64_t p = 0; p < table.size(); ++p)
    table[p] = {memory.data() + (p << kShift) * stride, stride, false, nullptr, is_on_host(p << kShift)};
  ops::ExpertRows rows = {table.data(), kShift, c.width, kExperts, c.element};
  const Floats numbers = random_normal(kExperts * 2 * c.width, 1);
  for (std::int64_t i = 0; i < numbers.size(); ++i)
    if (c.element == Element::kFloat32)
      rows.parameters<float>(0)[i] = numbers[i];
    else
      rows.parameters<Bfloat16>(0)[i].bits = bfloat16_of(numbers[i]);

  const auto there = [&](const auto& host) { return copy_to(ctx, device, host); };
  const auto id_here = random_below<std::int64_t>(c.tokens * c.picks, 2, kExperts);
  const auto id = there(id_here);
  const Floats x = there(random_normal(c.tokens * c.width, 3, 0.2)), gate = there(random_normal(c.tokens * c.picks, 4)),
               dy = there(random_normal(c.tokens * c.width, 5));
  Floats hidden(device, c.tokens * c.picks), y(device, c.tokens * c.width), dgate(device, c.tokens * c.picks),
      dhidden(device, c.tokens * c.picks), up_weight(device, c.tokens * c.picks), dx(device, c.tokens * c.width);
  const auto by_pick = [&](auto& b) { return b.view(c.tokens, c.picks); };
  const auto by_width = [&](auto& b) { return b.view(c.tokens, c.width); };

  Buffer<std::int32_t> place(device, kExperts), expert(device, std::max<std::int64_t>(1, slots));
  Buffer<std::uint32_t> taken(device, 1);
  Buffer<std::byte> data(device, std::max<std::int64_t>(1, slots) * rows.parameter_bytes());
  if (slots > 0) {
    const ops::StageExperts stage{.id = by_pick(id),
                                  .rows = rows,
                                  .place = place.view(kExperts),
                                  .expert = expert.view(slots),
                                  .taken = taken.view(1),
                                  .data = data.view(slots, rows.parameter_bytes())};
    ops::stage_experts(ctx, stage);
    ops::stage_experts(ctx, stage);  // forgets what the first left
    rows.staged = {place.data(), data.data()};
  }
  ctx.wait();
  if (afterwards == Afterwards::kSpoilt)
    for (std::int64_t e = 0; e < kExperts; ++e)
      if (is_on_host(e)) std::memset(memory.data() + e * stride, 0xff, static_cast<std::size_t>(stride));
  ops::expert_mix(ctx, {ActivationKind::kGelu, by_width(x), by_pick(id), by_pick(gate), rows, by_pick(hidden), by_width(y)});
  ops::expert_mix_backward(ctx, {ActivationKind::kGelu, by_pick(id), by_pick(gate), by_pick(hidden), rows, by_width(dy), by_pick(dgate),
                                 by_pick(dhidden), by_pick(up_weight), by_width(dx)});
  const auto here = [&](const Floats& b) { return copy_to(ctx, Device{}, b); };
  Result result{here(hidden), here(y), here(dgate), here(dhidden), here(up_weight), here(dx)};
  ctx.wait();
  for (std::int64_t s = 0; s < expert.size(); ++s)
    if (expert[s] != 0) result.expert.push_back(expert[s] - 1);
  result.taken = taken[0];
  result.picked = {id_here.data(), id_here.data() + id_here.size()};
  return result;
}

// A block a token, reading records once or twice; a warp a pick; rows that are no whole packs.
constexpr Case kCases[] = {{1024, 3, 256, Element::kFloat32}, {1024, 3, 512, Element::kBfloat16}, {1024, 2, 264, Element::kFloat32},
                           {9, 5, 1024, Element::kFloat32},   {9, 5, 64, Element::kBfloat16},     {9, 5, 20, Element::kFloat32},
                           {9, 5, 21, Element::kBfloat16}};

void check_same(const Result& a, const Result& b) {
  for (const auto member : kAll) CHECK(same_bits(a.*member, b.*member));
}

}  // namespace

TEST_CASE("expert_mix and its backward give the same bits with copies, with too few of them and with none") {
  for (const Case& c : kCases) {
    CAPTURE(c.tokens, c.width, name_of(c.element));
    const Result none = mixed(c, 0);
    check_same(none, mixed(c, kExperts));
    check_same(none, mixed(c, 4));
  }
}

TEST_CASE("where there are copies expert_mix and its backward read nothing of a frozen page on the host") {
  for (const Case& c : kCases) {
    CAPTURE(c.tokens, c.width, name_of(c.element));
    check_same(mixed(c, 0), mixed(c, kExperts, Afterwards::kSpoilt));
  }
}

TEST_CASE("a GPU copies each picked expert of a frozen page on the host once, however many threads pick it") {
  for (const Case& c : kCases) {
    const Result all = mixed(c, kExperts), few = mixed(c, 4);
    std::set<std::int64_t> expected;
    for (const std::int64_t e : all.picked)
      if (is_on_host(e)) expected.insert(e);
    CHECK(all.expert.size() == expected.size());
    CHECK(std::set<std::int64_t>(all.expert.begin(), all.expert.end()) == expected);
    CHECK(all.taken == expected.size());
    CHECK(few.expert.size() == 4);
    CHECK(std::set<std::int64_t>(few.expert.begin(), few.expert.end()).size() == 4);
    CHECK(few.taken > 4);
  }
}
