#include "pool/catalogue_keys.h"

#include <functional>

#include "peer/base/error.h"
#include "peer/base/philox.h"
#include "pool/byte_codec.h"
#include "pool/file_names.h"
#include "pool/head2.h"
#include "tests/pool/scratch_pool.h"
#include "tests/support/catch.h"

using namespace peer;
using namespace peer::pool;

namespace {

Generation sample_generation() {
  Generation generation;
  generation.id = {12};
  generation.parent = {7};
  generation.message = "stream cpp";
  generation.created = "2024-05-01T12:00:00Z";
  generation.fingerprint = "f";
  generation.state = std::string("\0opaque", 7);
  generation.tables = {{{0}, {64, 4096, 257, Element::kFloat32}, 16384, {1, 2}}, {{3}, {64, 1024, 0, Element::kBfloat16}, 100, {3, 4}}};
  generation.trunks = {{"base", {5, 6}, 1000}, {"g3", {7, 8}, 2000}};
  generation.content = content_of(generation);
  return generation;
}

struct Codec {
  const char* name;
  std::string sample;
  std::function<std::string(std::string_view)> recode;  // decodes and encodes again
};

std::vector<Codec> codecs() {
  const std::string where = "here";
  const RefLogEntry entry{9, "head", "rollback", "2024-05-01T12:00:00Z", {3}, {}};
  const MapLeaf leaf{{{{1, 2}, {}, 4096}, {{3, 4}, {5, 6}, 17}}};
  const MapRoot root{300, {{1, 2}, {3, 4}}};
  return {
      {"counters", encode(Counters{5, 3}), [=](std::string_view bytes) { return encode(decode_counters(bytes, where)); }},
      {"generation", encode(sample_generation()), [=](std::string_view bytes) { return encode(decode_generation(bytes, where)); }},
      {"reflog entry", encode(entry), [=](std::string_view bytes) { return encode(decode_reflog_entry(bytes, where)); }},
      {"map leaf", encode(leaf), [=](std::string_view bytes) { return encode(decode_map_leaf(bytes, where)); }},
      {"map root", encode(root), [=](std::string_view bytes) { return encode(decode_map_root(bytes, where)); }},
      {"generation id", encode(GenerationId{4}), [=](std::string_view bytes) { return encode(decode_generation_id(bytes, where)); }},
  };
}

// Number `index` of the mutations of `bytes`: flips, cuts, insertions and the integers that overflow.
std::string mutate(std::string bytes, const Random& random, std::uint64_t index) {
  const std::uint64_t base = index * 16;
  for (std::uint64_t edit = 0; edit <= random.below(base, 3); ++edit) {
    const std::uint64_t draw = base + 1 + 4 * edit, at = random.below(draw, bytes.size() + 1);
    switch (random.below(draw + 1, 5)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(draw + 2, 8)));
        break;
      case 1:
        bytes.resize(at);
        break;
      case 2:
        bytes.insert(at, 1 + random.below(draw + 2, 20), static_cast<char>(random.bits(draw + 3)));
        break;
      case 3:
        bytes.erase(at, 1 + random.below(draw + 2, 20));
        break;
      default:
        for (std::uint64_t i = at; i < std::min<std::uint64_t>(at + 8, bytes.size()); ++i)
          bytes[i] = random.below(draw + 2, 2) ? '\xff' : '\x7f';
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("what is decoded is what was encoded") {
  for (const Codec& codec : codecs()) {
    INFO(codec.name);
    CHECK(codec.recode(codec.sample) == codec.sample);
  }
  const Generation generation = sample_generation(), read = decode_generation(encode(generation), "here");
  CHECK(read.content == generation.content);
  CHECK(read.state == generation.state);
  CHECK(read.tables[1].layout == generation.tables[1].layout);
  CHECK(read.trunks[1].name == "g3");
}

TEST_CASE("numbers in values are little-endian, numbers in keys big-endian, so that key order is number order") {
  CHECK(encode(GenerationId{0x0102}) == std::string("\x02\x01\0\0\0\0\0\0", 8));
  CHECK(generation_key({0x0102}) == std::string("g\0\0\0\0\0\0\x01\x02", 9));
  CHECK(generation_key({255}) < generation_key({256}));
  CHECK(reflog_key(255, 1) < reflog_key(256, 0));
  CHECK(ref_name(ref_key("head")) == "head");
  CHECK(generation_of_key(generation_key({0x0102})) == GenerationId{0x0102});
  CHECK_THROWS_AS(generation_of_key("g123"), CorruptError);
}

TEST_CASE("the content of a generation is its state and tables, not its place in history") {
  Generation generation = sample_generation();
  const Digest content = content_of(generation);
  generation.id = {40};
  generation.parent = {39};
  generation.message = "other";
  generation.created = "2030-01-01T00:00:00Z";
  CHECK(content_of(generation) == content);
  generation.tables[0].map_root.low ^= 1;
  CHECK(content_of(generation) != content);
}

TEST_CASE("mutated values are decoded to something that encodes again, or are corrupt; nothing else happens") {
  const Random random(3, Purpose::kTest);
  std::uint64_t index = 0, accepted = 0, refused = 0;
  for (const Codec& codec : codecs()) {
    INFO(codec.name);
    for (int round = 0; round < 2000; ++round) {
      const std::string bytes = mutate(codec.sample, random, index++);
      std::string again;
      try {
        again = codec.recode(bytes);
      } catch (const CorruptError&) {
        ++refused;
        continue;
      }
      REQUIRE(again == bytes);
      ++accepted;
    }
  }
  CHECK(accepted > 100);
  CHECK(refused > 5000);
}

TEST_CASE("a length that the bytes cannot hold is refused before anything of that size is made") {
  for (const std::uint64_t length : {std::uint64_t{9}, std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{0} / 40 + 1}) {
    const std::string count = ByteWriter().u64(length).text("").bytes();
    CHECK_THROWS_AS(decode_map_leaf(count, "here"), CorruptError);
    CHECK_THROWS_AS(ByteReader(count, "here").text(), CorruptError);
    CHECK_THROWS_AS(decode_map_root(ByteWriter().i64(300).u64(length).bytes(), "here"), CorruptError);
  }
}

TEST_CASE("a mutated slot of HEAD2, and a mutated sealed value, are not believed") {
  const Random random(4, Purpose::kTest);
  const Counters counters{41, 30};
  const std::string slot = encode_head_slot(counters), value = seal("key", "body of a value");
  REQUIRE(decode_head_slot(slot) == counters);
  REQUIRE(unseal("key", value) == "body of a value");
  CHECK_FALSE(unseal("kez", value));
  for (std::uint64_t index = 0; index < 3000; ++index) {
    const std::string wrong_slot = mutate(slot, random, index), wrong_value = mutate(value, random, 3000 + index);
    if (wrong_slot != slot) REQUIRE_FALSE(decode_head_slot(wrong_slot));
    if (wrong_value != value) REQUIRE_FALSE(unseal("key", wrong_value));
  }
}

TEST_CASE("the names of sealed files are parsed as they are made, and nothing else is") {
  const Digest digest{0x0123456789abcdef, 0xfedcba9876543210};
  for (const SealedKind kind : {SealedKind::kPage, SealedKind::kState, SealedKind::kTrunk})
    CHECK(parse_sealed_path(sealed_path({kind, digest})) == SealedName{kind, digest});
  CHECK(sealed_path({SealedKind::kState, digest}) == "shards/0123456789abcdeffedcba9876543210.state.h5");
  for (const char* other :
       {"", "shards/", "shards/tmp-1-2", "shards/0123456789abcdeffedcba987654321.h5", "trunk/0123456789abcdeffedcba9876543210.state.h5",
        "shards/0123456789ABCDEFfedcba9876543210.h5", "shards_0123456789abcdeffedcba9876543210.h5"}) {
    INFO(other);
    CHECK_FALSE(parse_sealed_path(other));
  }
  CHECK(is_temporary_name(temporary_name(1, 2)));
}
