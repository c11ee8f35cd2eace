#include "trainer/strategies/self_text.h"

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

TEST_CASE("a view writes text of its own domain: it resembles the corpus more than an untrained model's does") {
  const SmallWorld world;
  const std::string pool = world.init("pool");
  const auto letters = [&](const std::string& ref) {
    Session session = SmallWorld::open(pool, ref, pool::Access::kRead);
    std::int64_t letters = 0, bytes = 0;
    for (const auto& document : write_self_text(session.ctx, session.loaded.language(), 0, 2000, 1))
      for (const unsigned char byte : document.text) letters += byte == ' ' || (byte >= 'a' && byte <= 'z'), ++bytes;
    CHECK(bytes > 1900);
    return static_cast<double>(letters) / static_cast<double>(bytes);
  };
  {
    Session session = SmallWorld::open(pool);
    RunOptions options = world.options(0, 150);
    SmallWorld::run(session, options);
  }
  CHECK(letters("g0") < 0.2);  // 27 of 257 tokens
  CHECK(letters("head") > 0.6);
}

TEST_CASE("self-written text is a function of weights and seed, and holds no empty document") {
  const SmallWorld world;
  const std::string pool = world.init("pool");
  Session session = SmallWorld::open(pool, kHead, pool::Access::kRead);
  const auto write = [&](std::uint64_t seed) {
    std::string all;
    for (const auto& document : write_self_text(session.ctx, session.loaded.language(), 0, 3000, seed)) {
      CHECK(!document.text.empty());
      all += document.text + "|";
    }
    return all;
  };
  CHECK(write(1) == write(1));
  CHECK(write(1) != write(2));
}
