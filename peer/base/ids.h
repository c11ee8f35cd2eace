// Identities are types, so that a page number cannot be passed for a generation.
#pragma once

#include <compare>
#include <cstdint>

namespace peer {

template <class Tag>
struct Id {
  std::int64_t value = -1;  // -1: none
  friend auto operator<=>(const Id&, const Id&) = default;
  bool valid() const { return value >= 0; }
};

using BlockId = Id<struct BlockTag>;            // one product-key grid of one layer, pool-wide, never reused
using PageIndex = Id<struct PageTag>;           // page of a block: local numbers [p*rows_per_page, (p+1)*rows_per_page)
using GenerationId = Id<struct GenerationTag>;  // sequence number of a commit

// An expert for life: its block and its number in the shell order of that block's grid. No growth renames it.
struct ExpertId {
  static constexpr int kLocalBits = 40;
  std::uint64_t packed = 0;

  ExpertId() = default;
  ExpertId(BlockId block, std::int64_t local)
      : packed(static_cast<std::uint64_t>(block.value) << kLocalBits | static_cast<std::uint64_t>(local)) {}
  BlockId block() const { return {static_cast<std::int64_t>(packed >> kLocalBits)}; }
  std::int64_t local() const { return static_cast<std::int64_t>(packed & ((std::uint64_t{1} << kLocalBits) - 1)); }
  friend auto operator<=>(const ExpertId&, const ExpertId&) = default;
};

}  // namespace peer
