// Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011). A value is a function of (seed, purpose, index),
// so nothing has to be saved to resume, and threads draw the same numbers in any order.
#pragma once

#include <array>
#include <cstdint>

namespace peer {

// What the numbers are for; a purpose never shares numbers with another. Frozen: stored runs depend on the values.
enum class Purpose : std::uint32_t {
  kInitialise = 1,
  kShuffle = 2,
  kSample = 3,
  kBootstrap = 4,
  kReservoir = 5,
  kImportance = 6,
  kCentroid = 7,
  kRounding = 8,
  kTest = 100,
};

constexpr std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::array<std::uint32_t, 4> counter) {
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(p1 >> 32) ^ counter[1] ^ key0, static_cast<std::uint32_t>(p1),
               static_cast<std::uint32_t>(p0 >> 32) ^ counter[3] ^ key1, static_cast<std::uint32_t>(p0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// A stream of numbers for one purpose and one subject (a tensor, a step, a document).
class Random {
 public:
  constexpr Random(std::uint64_t seed, Purpose purpose, std::uint32_t subject = 0)
      : seed_(seed), purpose_(static_cast<std::uint32_t>(purpose)), subject_(subject) {}

  // 128 random bits, number `index` of the stream.
  constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const {
    return philox(seed_, {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), subject_, purpose_});
  }
  // The first 64 bits of block `index`.
  constexpr std::uint64_t bits(std::uint64_t index) const {
    const auto r = block(index);
    return std::uint64_t{r[1]} << 32 | r[0];
  }
  // Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t index) const { return static_cast<double>(bits(index) >> 11) * 0x1p-53; }
  // Uniform in {0, ..., bound-1}; the bias is below bound / 2^64.
  std::uint64_t below(std::uint64_t index, std::uint64_t bound) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(bits(index)) * bound) >> 64);
  }
  // Standard normal, of word index % 4 of block index / 4 (peer/base/normal.h).
  double normal(std::uint64_t index) const;

 private:
  std::uint64_t seed_;
  std::uint32_t purpose_, subject_;
};

}  // namespace peer
