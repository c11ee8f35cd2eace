#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::ops {

// Which pages of experts a batch needs: uses[id >> page_shift] += 1 for every pick.   Requires: 0 <= id >> page_shift < P.
struct PageUse {
  View<const std::int64_t, 2> id;  // (N, R)
  int page_shift = 0;
  View<std::uint32_t, 1> uses;  // (P)  added
};
inline Work work(const PageUse& op) { return {.bytes = view_bytes(op.id) + 2 * view_bytes(op.uses)}; }
void page_use(Context& ctx, const PageUse& op);

}  // namespace peer::ops
