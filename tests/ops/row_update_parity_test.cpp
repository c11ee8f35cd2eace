// expert_row_update on both devices, for rows that a warp takes and rows that a block takes, and for experts that much of a batch picks.
#include <cmath>
#include <limits>

#include "peer/device/rounded_gemm.h"
#include "peer/ops/expert_row_update.h"
#include "peer/ops/row_order.h"
#include "tests/ops/parity.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kExperts = 40, kTokens = 700, kPicks = 3, kSlots = kTokens * kPicks;
constexpr int kShift = 2;
constexpr std::int64_t kPages = kExperts >> kShift;

// Trainable records with some state, every fifth page frozen.
struct Records {
  Buffer<std::byte> memory;
  Buffer<bool> dirty;
  Buffer<ops::ExpertPage> table;
  ops::ExpertRows rows;

  Records(Context& ctx, std::int64_t width, Element element)
      : memory(ctx.device(), kExperts * ops::trainable_record_bytes(width, element)),
        dirty(ctx.device(), kPages),
        table(ctx.device(), kPages) {
    const std::int64_t stride = ops::trainable_record_bytes(width, element);
    for (std::int64_t p = 0; p < kPages; ++p) table[p] = {memory.data() + (p << kShift) * stride, stride, p % 5 != 2, &dirty[p]};
    rows = {table.data(), kShift, width, kExperts, element};
    const Buffer<float> numbers = random_normal(kExperts * 6 * width, 100);
    ops::with_number_of(rows, [&](auto number) {
      using Number = decltype(number);
      for (std::int64_t e = 0; e < kExperts; ++e)
        for (std::int64_t i = 0; i < 2 * width; ++i) {
          const float* from = numbers.data() + e * 6 * width + 3 * i;
          if constexpr (std::is_same_v<Number, float>)
            rows.parameters<Number>(e)[i] = from[0];
          else
            rows.parameters<Number>(e)[i].bits = bfloat16_of(from[0]);
          rows.state<Number>(e)[i] = from[1];
          rows.state<Number>(e)[2 * width + i] = 1 + std::abs(from[2]);  // a moment of zero would blow rounding errors up
        }
    });
  }
  // Parameters and state of all records, widened; every page's flag.
  std::vector<double> all() const {
    std::vector<double> out;
    ops::with_number_of(rows, [&](auto number) {
      using Number = decltype(number);
      for (std::int64_t e = 0; e < kExperts; ++e) {
        const Number* row = rows.parameters<const Number>(e);
        for (std::int64_t i = 0; i < 2 * rows.width; ++i) out.push_back(row[i]);
        out.insert(out.end(), rows.state<Number>(e), rows.state<Number>(e) + 4 * rows.width + 1);
      }
    });
    for (std::int64_t p = 0; p < kPages; ++p) out.push_back(dirty[p]);
    return out;
  }
};

enum class Picks { kEven, kFavourites, kEachAnother };

// Two favourites, neighbours in the order of rows, have 600 and 1,300 picks: more than a group of threads sums alone. Or expert e has e
// picks, and the first has all others.
Buffer<std::int64_t> picks_of(Picks picks) {
  Buffer<std::int64_t> id = random_below<std::int64_t>(kSlots, 1, kExperts - 3);
  if (picks == Picks::kEachAnother) {
    std::int64_t slot = 0;
    for (std::int64_t e = 1; e < kExperts; ++e)
      for (std::int64_t place = 0; place < e; ++place) id[slot++ * 11 % kSlots] = e;
    while (slot < kSlots) id[slot++ * 11 % kSlots] = 0;
  }
  if (picks == Picks::kFavourites)
    for (std::int64_t s = 0; s < 1900; ++s) id[s * 11 % kSlots] = s % 19 < 6 ? 21 : 22;
  return id;
}

// Vectors that bf16 holds: rounding them changes nothing.
Buffer<float> coarse(std::int64_t size, std::uint32_t subject) {
  Buffer<float> out = random_normal(size, subject);
  for (std::int64_t i = 0; i < size; ++i) out[i] = Bfloat16{bfloat16_of(out[i])};
  return out;
}

struct Case {
  std::int64_t width = 0;
  Element element = Element::kFloat32;
  Picks picks = Picks::kEven;
  std::int64_t tokens = kTokens;
  float clip = 5;
  float extreme = 0;  // of x and dy of the last token, where it is not zero
};

std::vector<double> updated(Context& ctx, const Case& c) {
  const auto [width, element, picks, tokens, clip, extreme] = c;
  Records records(ctx, width, element);
  Buffer<ops::StepState> now(ctx.device(), 1);
  now[0] = {.step = 4, .share = 0.7};
  const auto there = [&](const auto& host) { return copy_to(ctx, ctx.device(), host); };
  const auto id = there(picks_of(picks));
  const auto vectors = [&](std::uint32_t subject) {
    Buffer<float> out = coarse(tokens * width, subject);
    for (std::int64_t i = extreme != 0 ? out.size() - width : out.size(); i < out.size(); ++i) out[i] = extreme;
    return there(out);
  };
  const auto x = vectors(2), dy = vectors(3), dhidden = there(random_normal(kSlots, 4)), up_weight = there(random_normal(kSlots, 5));
  const std::int64_t slots = tokens * kPicks;
  Buffer<std::int32_t> order(ctx.device(), slots), begin(ctx.device(), slots + 1);
  Buffer<std::int64_t> expert(ctx.device(), slots);
  const std::int64_t touched =
      ops::row_order(ctx, {id.view(tokens, kPicks), kExperts, order.view(slots), expert.view(slots), begin.view(slots + 1)});
  ops::expert_row_update(ctx, {{{1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f}, clip, now.data(), Random(7, Purpose::kRounding)},
                               x.view(tokens, width),
                               dy.view(tokens, width),
                               dhidden.view(tokens, kPicks),
                               up_weight.view(tokens, kPicks),
                               order.view(slots),
                               begin.view(touched + 1),
                               0,
                               expert.view(touched),
                               records.rows});
  ctx.wait();
  return records.all();
}

// The largest difference of two numbers, as a share of the larger or of 1; and how many differ by more than rounding in fp32. What is no
// finite number differs from all but its like.
struct Difference {
  double largest = 0;
  std::size_t coarse = 0, not_finite = 0;
  Difference(const std::vector<double>& a, const std::vector<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!std::isfinite(a[i]) || !std::isfinite(b[i])) {
        ++not_finite;
        if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) largest = INFINITY;
        continue;
      }
      const double apart = std::abs(a[i] - b[i]) / std::max({1.0, std::abs(a[i]), std::abs(b[i])});
      largest = std::max(largest, apart);
      coarse += apart > 1e-4;
    }
  }
};

}  // namespace

TEST_CASE("expert_row_update is the same on both devices, for narrow and wide rows and for experts of many picks") {
  Context cpu, cuda(parse_device("cuda"));
  for (const std::int64_t width : {5, 72, 250, 256, 512, 1000, 1024, 1104, 2056})
    for (const Picks picks : {Picks::kEven, Picks::kFavourites}) {
      INFO("D = " << width << (picks == Picks::kEven ? ", even" : ", favourites"));
      const Case c{.width = width, .picks = picks};
      const auto expected = updated(cpu, c), actual = updated(cuda, c);
      const Difference difference(expected, actual);
      CHECK(difference.largest < 1e-4);  // sums of a thousand terms, in another order
      CHECK(updated(cuda, c) == actual);
    }
}

TEST_CASE("expert_row_update is the same on both devices for runs of every length, however many vectors are read at once") {
  Context cpu, cuda(parse_device("cuda"));
  for (const Precision precision : {Precision::kFp32, Precision::kBf16}) {
    cuda.set_precision(precision);  // which changes nothing of vectors that bf16 holds
    for (const std::int64_t width : {72, 256, 504, 1024, 1536, 2056}) {
      INFO("D = " << width << (precision == Precision::kBf16 ? ", bf16" : ", fp32"));
      const Case c{.width = width, .picks = Picks::kEachAnother};
      CHECK(Difference(updated(cpu, c), updated(cuda, c)).largest < 1e-4);
    }
  }
}

TEST_CASE("expert_row_update is the same on both devices for so few tokens that no run can be long, and for none") {
  Context cpu, cuda(parse_device("cuda"));
  for (const std::int64_t tokens : {0, 1, 170, 171})
    for (const std::int64_t width : {5, 1024}) {
      INFO("D = " << width << ", " << tokens << " tokens");
      const Case c{.width = width, .picks = Picks::kFavourites, .tokens = tokens};
      CHECK(Difference(updated(cpu, c), updated(cuda, c)).largest < 1e-4);
    }
}

TEST_CASE("a token's vector that is infinite or none is added to its experts once, on both devices") {
  Context cpu, cuda(parse_device("cuda"));
  for (const float extreme : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    for (const std::int64_t width : {72, 250, 1000}) {
      INFO("D = " << width << ", " << extreme);
      const Case c{.width = width, .picks = Picks::kEachAnother, .clip = 0, .extreme = extreme};
      const Difference difference(updated(cpu, c), updated(cuda, c));
      CHECK(difference.largest < 1e-4);
      CHECK(difference.not_finite > 0);
    }
}

// Only where the sums in fp32 differ by a rounding may a number land on the other neighbour.
TEST_CASE("expert_row_update rounds rows of bf16 the same on both devices") {
  Context cpu, cuda(parse_device("cuda"));
  for (const std::int64_t width : {72, 250, 1000, 1024}) {
    const Case c{.width = width, .element = Element::kBfloat16};
    const auto expected = updated(cpu, c), actual = updated(cuda, c);
    const Difference difference(expected, actual);
    CHECK(difference.largest < 0x1p-7);
    CHECK(difference.coarse <= expected.size() / 1000);
  }
}

TEST_CASE("expert_row_update in bf16 reads vectors that bf16 holds as they are") {
  Context cuda(parse_device("cuda"));
  for (const std::int64_t width : {72, 512, 1000}) {
    const Case c{.width = width, .picks = Picks::kFavourites};
    const auto exact = updated(cuda, c);
    const PrecisionScope scope(cuda, Precision::kBf16);
    CHECK(updated(cuda, c) == exact);
  }
}
