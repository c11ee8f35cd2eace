#include "peer/ops/stage_experts.h"

#include <cstring>
#include <set>

#include "peer/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/random_tensor.h"

using namespace peer;
using namespace peer::test;

namespace {

constexpr std::int64_t kWidth = 12, kExperts = 32, kTokens = 6, kPicks = 5;
constexpr int kShift = 3;  // four pages of eight: on the device; on the host; on the host and trained; on the host

struct Batch {
  Context ctx;
  Buffer<float> memory = random_normal(kExperts * 2 * kWidth, 1);
  Buffer<ops::ExpertPage> table;
  ops::ExpertRows rows;
  Buffer<std::int32_t> place, expert;
  Buffer<std::uint32_t> taken;
  Buffer<std::byte> data;

  explicit Batch(std::int64_t slots) : table(kExperts >> kShift), place(kExperts), expert(slots), taken(1) {
    const std::int64_t stride = ops::frozen_record_bytes(kWidth);
    for (std::int64_t p = 0; p < table.size(); ++p)
      table[p] = {reinterpret_cast<std::byte*>(memory.data()) + (p << kShift) * stride, stride, p == 2, nullptr, p > 0};
    rows = {table.data(), kShift, kWidth, kExperts};
    rows.staged.place = place.data();
    data = Buffer<std::byte>(slots * rows.parameter_bytes());
    rows.staged.data = data.data();
  }
  ops::StageExperts op(Buffer<std::int64_t>& id) {
    return {.id = id.view(id.size(), 1),
            .rows = rows,
            .place = place.view(kExperts),
            .expert = expert.view(expert.size()),
            .taken = taken.view(1),
            .data = data.view(expert.size(), rows.parameter_bytes())};
  }
  void stage(Buffer<std::int64_t>& id) { ops::stage_experts(ctx, op(id)); }

  static bool needs_copy(std::int64_t e) { return e >> kShift == 1 || e >> kShift == 3; }
  std::int64_t copies() const {
    std::int64_t count = 0;
    for (std::int64_t s = 0; s < expert.size(); ++s) count += expert[s] != 0;
    return count;
  }
  bool is_copied(std::int64_t e) const {
    const float* nearest = rows.nearest_parameters<float>(e);
    if (nearest == rows.parameters<const float>(e)) return false;
    CHECK(expert[place[e] - 1] == e + 1);
    CHECK(std::memcmp(nearest, memory.data() + e * 2 * kWidth, static_cast<std::size_t>(rows.parameter_bytes())) == 0);
    return true;
  }
};

}  // namespace

TEST_CASE("stage_experts copies each picked expert of a frozen page on the host once, and no other") {
  Batch batch(20);
  Buffer<std::int64_t> id = random_below<std::int64_t>(kTokens * kPicks, 2, kExperts);
  const std::set<std::int64_t> picked(id.data(), id.data() + id.size());
  batch.stage(id);
  std::int64_t expected = 0;
  for (std::int64_t e = 0; e < kExperts; ++e) {
    const bool copied = Batch::needs_copy(e) && picked.contains(e);
    CHECK(batch.is_copied(e) == copied);
    expected += copied;
  }
  REQUIRE(expected > 0);
  REQUIRE(expected < id.size());
  CHECK(batch.copies() == expected);
  CHECK(batch.taken[0] == expected);
  CHECK(work(batch.op(id)).bytes == static_cast<double>(id.bytes() + 2 * expected * batch.rows.parameter_bytes()));
}

TEST_CASE("experts for which stage_experts has no slot are read where they lie") {
  Batch batch(3);
  Buffer<std::int64_t> id(16);
  for (std::int64_t i = 0; i < id.size(); ++i) id[i] = 8 + i % 5;
  batch.stage(id);
  std::int64_t copied = 0;
  for (std::int64_t e = 0; e < kExperts; ++e) copied += batch.is_copied(e);
  CHECK(copied == 3);
  CHECK(batch.copies() == 3);
  CHECK(batch.taken[0] > 3);
}

TEST_CASE("stage_experts forgets what the batch before needed, and copies a record anew that changed since") {
  Batch batch(4);
  Buffer<std::int64_t> id(2), other(2);
  id[0] = 9, id[1] = 25;
  other[0] = 26, other[1] = 26;
  batch.stage(id);
  CHECK(batch.is_copied(9));
  for (std::int64_t i = 0; i < 2 * kWidth; ++i) batch.memory[9 * 2 * kWidth + i] += 1;
  batch.stage(other);
  CHECK_FALSE(batch.is_copied(9));
  CHECK(batch.copies() == 1);
  batch.stage(id);
  CHECK(batch.is_copied(9));
  CHECK_FALSE(batch.is_copied(26));
}

TEST_CASE("stage_experts refuses experts that do not exist and memory of another shape") {
  Batch batch(4);
  Buffer<std::int64_t> id(2);
  CHECK_NOTHROW(batch.stage(id));
  id[1] = kExperts;
  CHECK_THROWS_AS(batch.stage(id), ContractError);
  id[1] = 0;
  ops::StageExperts op = batch.op(id);
  op.place.shape[0] = kExperts - 1;
  CHECK_THROWS_AS(ops::stage_experts(batch.ctx, op), ContractError);
  op = batch.op(id);
  op.data.shape[0] = 3;
  CHECK_THROWS_AS(ops::stage_experts(batch.ctx, op), ContractError);
}
