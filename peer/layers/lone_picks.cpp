#include "peer/layers/lone_picks.h"

#include <algorithm>
#include <cstring>

namespace peer::layers {

std::int64_t lone_picks_first(Context& ctx, View<std::int32_t, 1> order, View<std::int64_t, 1> expert, View<std::int32_t, 1> begin) {
  const std::int64_t slots = order.shape[0], segments = expert.shape[0];
  std::int64_t* lone = ctx.scratch<std::int64_t>(0, slots);  // the expert that only this slot picked, or -1
  std::fill_n(lone, slots, -1);

  // From the last segment down, so that what moves up by the lone picks above it overwrites nothing that is still to be read.
  std::int64_t above = 0;
  for (std::int64_t u = segments - 1, end = begin[segments]; u >= 0; end = begin[u--]) {
    const std::int64_t first = begin[u];
    if (end - first == 1) {
      lone[order[first]] = expert[u];
      ++above;
      continue;
    }
    std::memmove(order.data + first + above, order.data + first, static_cast<std::size_t>(end - first) * sizeof(std::int32_t));
    expert[u + above] = expert[u];
    begin[u + above] = static_cast<std::int32_t>(first + above);
  }
  for (std::int64_t slot = 0, u = 0; u < above; ++slot) {
    if (lone[slot] < 0) continue;
    order[u] = static_cast<std::int32_t>(slot);
    expert[u] = lone[slot];
    begin[u] = static_cast<std::int32_t>(u);
    ++u;
  }
  return above;
}

}  // namespace peer::layers
