#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "peer/base/digest.h"

namespace peer::streams {

// The tokens of words met lately: one slot for each hash, a cache line wide, overwritten by the next word of that hash. Of one thread at
// a time.
class WordCache {
 public:
  static constexpr std::size_t kMaxWordBytes = 30, kMaxTokens = 8;

  WordCache() : slots_(kSlots) {}

  // Empty when the word is not there; no word is encoded as nothing and kept. `word`: 1 to kMaxWordBytes.
  std::span<const std::int32_t> find(std::string_view word) const {
    const Slot& slot = slots_[index_of(word)];
    const bool same = slot.word_bytes == word.size() && std::memcmp(slot.word.data(), word.data(), word.size()) == 0;
    return {slot.tokens.data(), same ? slot.token_count : std::size_t{0}};
  }

  // Keeps nothing of more than kMaxTokens tokens.
  void keep(std::string_view word, std::span<const std::int32_t> tokens) {
    if (tokens.empty() || tokens.size() > kMaxTokens) return;
    Slot& slot = slots_[index_of(word)];
    slot.word_bytes = static_cast<std::uint8_t>(word.size());
    slot.token_count = static_cast<std::uint8_t>(tokens.size());
    std::copy(word.begin(), word.end(), slot.word.begin());
    std::copy(tokens.begin(), tokens.end(), slot.tokens.begin());
  }

 private:
  static constexpr std::size_t kSlots = std::size_t{1} << 15;  // 2 MB
  struct alignas(64) Slot {
    std::array<char, kMaxWordBytes> word{};
    std::uint8_t word_bytes = 0, token_count = 0;
    std::array<std::int32_t, kMaxTokens> tokens{};
  };

  static std::size_t index_of(std::string_view word) { return static_cast<std::size_t>(hash64_of(word.data(), word.size())) % kSlots; }

  std::vector<Slot> slots_;
};

}  // namespace peer::streams
