#pragma once

#include <cstdint>
#include <vector>

namespace peer::streams {

// What two neighbouring tokens become, and how early: the lowest rank goes first.
struct Merge {
  std::int32_t rank = 0, token = 0;
};

// Merges by their pair of tokens (>= 0): open addressing, linear probing, at most half full.
class MergeTable {
 public:
  explicit MergeTable(std::size_t pairs = 0);

  // At most as many pairs as the table was made for; a later merge of the same pair replaces it.
  void set(std::int32_t left, std::int32_t right, Merge merge);

  // nullptr when the two do not merge.
  const Merge* find(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = key_of(left, right);
    for (std::size_t i = first(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return &slots_[i].merge;
      if (slots_[i].key == kEmpty) return nullptr;
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge;
  };
  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t first(std::uint64_t key) const { return static_cast<std::size_t>(key * 0x9E3779B97F4A7C15 >> 32) & mask_; }

  std::vector<Slot> slots_;
  std::size_t mask_;
};

}  // namespace peer::streams
