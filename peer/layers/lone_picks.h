#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/context.h"

namespace peer::layers {

// Reorders the segments of a row_order over N*R slots in place: first the U1 experts that were picked once, by rising slot, then the
// others by rising expert. Most experts of a large pool are picked once in a batch: their only token can compute the gradient and have
// the record updated while it still lies in the cache.
//   order (N*R), expert (U), begin (U+1) as in ops::RowOrder. Returns U1.
std::int64_t lone_picks_first(Context& ctx, View<std::int32_t, 1> order, View<std::int64_t, 1> expert, View<std::int32_t, 1> begin);

}  // namespace peer::layers
