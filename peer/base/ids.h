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

}  // namespace peer
