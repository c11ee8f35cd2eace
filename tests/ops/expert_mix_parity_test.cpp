// expert_mix and its backward over so many tokens that a block takes each, on both devices.
#include <cmath>
#include <limits>

#include "peer/ops/expert_mix.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;
using Floats = Buffer<float>;

namespace {

constexpr std::int64_t kTokens = 1024, kExperts = 24;
constexpr int kShift = 3;  // eight records a page

// Frozen records on ctx's device.
struct Records {
  Buffer<std::byte> memory;
  Buffer<ops::ExpertPage> table;
  ops::ExpertRows rows;

  // The last expert's rows begin and end with `extreme`.
  Records(Context& ctx, std::int64_t width, Element element, float extreme)
      : memory(ctx.device(), kExperts * ops::frozen_record_bytes(width, element)), table(ctx.device(), kExperts >> kShift) {
    const std::int64_t stride = ops::frozen_record_bytes(width, element);
    for (std::int64_t p = 0; p < table.size(); ++p) table[p] = {memory.data() + (p << kShift) * stride, stride, false, nullptr};
    rows = {table.data(), kShift, width, kExperts, element};
    Floats numbers = random_normal(kExperts * 2 * width, 100);
    if (extreme != 0)
      for (const std::int64_t i : {std::int64_t{0}, width - 1, width, 2 * width - 1}) numbers[(kExperts - 1) * 2 * width + i] = extreme;
    ops::with_number_of(rows, [&](auto number) {
      using Number = decltype(number);
      for (std::int64_t i = 0; i < numbers.size(); ++i)
        if constexpr (std::is_same_v<Number, float>)
          rows.parameters<Number>(0)[i] = numbers[i];
        else
          rows.parameters<Number>(0)[i].bits = bfloat16_of(numbers[i]);
    });
  }
};

// What forward and backward set and add to, as the host sees it.
struct Result {
  Floats hidden, y, dgate, dhidden, up_weight, dx;
};

Result mixed(Device device, std::int64_t width, std::int64_t picks, Element element, float extreme = 0) {
  Context ctx(device);
  const Records records(ctx, width, element, extreme);
  const auto there = [&](const auto& host) { return copy_to(ctx, device, host); };
  auto id = random_below<std::int64_t>(kTokens * picks, 1, kExperts - (extreme != 0));
  if (extreme != 0) id[5 * picks] = kExperts - 1;
  const auto ids = there(id);
  const Floats x = there(random_normal(kTokens * width, 2, 0.2)), gate = there(random_normal(kTokens * picks, 3)),
               dy = there(random_normal(kTokens * width, 4));
  Floats hidden(device, kTokens * picks), y = there(random_normal(kTokens * width, 5)), dgate(device, kTokens * picks),
                                          dhidden(device, kTokens * picks), up_weight(device, kTokens * picks),
                                          dx = there(random_normal(kTokens * width, 6));
  const auto by_pick = [&](auto& b) { return b.view(kTokens, picks); };
  const auto by_width = [&](auto& b) { return b.view(kTokens, width); };
  ops::expert_mix(ctx, {ActivationKind::kGelu, by_width(x), by_pick(ids), by_pick(gate), records.rows, by_pick(hidden), by_width(y)});
  ops::expert_mix_backward(ctx, {ActivationKind::kGelu, by_pick(ids), by_pick(gate), by_pick(hidden), records.rows, by_width(dy),
                                 by_pick(dgate), by_pick(dhidden), by_pick(up_weight), by_width(dx)});
  const auto here = [&](const Floats& b) { return copy_to(ctx, Device{}, b); };
  return {here(hidden), here(y), here(dgate), here(dhidden), here(up_weight), here(dx)};
}

constexpr Floats Result::*kAll[] = {&Result::hidden, &Result::y, &Result::dgate, &Result::dhidden, &Result::up_weight, &Result::dx};

void check_same(std::int64_t width, std::int64_t picks, Element element) {
  CAPTURE(width, picks, name_of(element));
  const Result expected = mixed({}, width, picks, element), actual = mixed(parse_device("cuda"), width, picks, element);
  for (const auto member : kAll) CHECK(relative_error(actual.*member, to_doubles(expected.*member)) < kParityTolerance);
}

}  // namespace

TEST_CASE("expert_mix and its backward are the same on both devices for rows that a warp's lanes hold, and for those that they do not") {
  for (const std::int64_t width : {256, 264, 512, 768, 1024, 1280})
    for (const Element element : {Element::kFloat32, Element::kBfloat16}) check_same(width, 3, element);
}

TEST_CASE("expert_mix and its backward are the same on both devices however the picks share out among warps and their lanes") {
  for (const std::int64_t picks : {1, 8, 23}) check_same(256, picks, Element::kBfloat16);
  for (const std::int64_t picks : {256, 257}) check_same(256, picks, Element::kFloat32);
}

TEST_CASE("expert_mix and its backward of many tokens give the same bits twice") {
  const Device cuda = parse_device("cuda");
  const Result first = mixed(cuda, 512, 21, Element::kBfloat16), again = mixed(cuda, 512, 21, Element::kBfloat16);
  for (const auto member : kAll) CHECK(same_bits(first.*member, again.*member));
}

TEST_CASE("a number of an expert that is none, or infinite, shows in the tokens that picked it and in no other") {
  for (const float extreme : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::int64_t width = 512, picks = 6;
    const Result expected = mixed({}, width, picks, Element::kBfloat16, extreme),
                 actual = mixed(parse_device("cuda"), width, picks, Element::kBfloat16, extreme);
    for (const auto member : kAll) {
      const Floats &a = expected.*member, &b = actual.*member;
      std::int64_t finite = 0;
      bool same = true;
      for (std::int64_t i = 0; i < a.size(); ++i) {
        same = same && std::isfinite(a[i]) == std::isfinite(b[i]);
        finite += std::isfinite(b[i]);
      }
      CHECK(same);
      CHECK(finite >= a.size() - a.size() / kTokens);
    }
  }
}
