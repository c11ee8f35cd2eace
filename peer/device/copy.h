#pragma once

#include <cstdint>

#include "peer/base/require.h"
#include "peer/device/buffer.h"
#include "peer/device/context.h"

namespace peer {

// Copies between memory of the host and of ctx's device, in any direction, after the work that ctx was given before. Returns when the
// bytes are there. `from` and `to` do not overlap.
void copy_bytes(Context& ctx, const void* from, void* to, std::int64_t bytes);

template <class T>
void copy(Context& ctx, const Buffer<T>& from, Buffer<T>& to) {
  require(from.size() == to.size(), "copy: both buffers must have the same size");
  copy_bytes(ctx, from.data(), to.data(), from.bytes());
}

// The same elements in a buffer of `device`.
template <class T>
Buffer<T> copy_to(Context& ctx, Device device, const Buffer<T>& from) {
  Buffer<T> to(device, from.size());
  copy(ctx, from, to);
  return to;
}

}  // namespace peer
