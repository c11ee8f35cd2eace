#pragma once

#include <cstdint>
#include <type_traits>

#include "peer/base/require.h"
#include "peer/device/buffer.h"
#include "peer/device/context.h"

namespace peer {

// Copies between memory of the host and of ctx's device, in any direction, after the work that ctx was given before. Returns when the
// bytes are there. `from` and `to` do not overlap.
void copy_bytes(Context& ctx, const void* from, void* to, std::int64_t bytes);

// The same for memory of ctx's device alone, in order with its ops: does not wait.
void queue_copy(Context& ctx, const void* from, void* to, std::int64_t bytes);
void queue_zero(Context& ctx, void* to, std::int64_t bytes);

template <class T, int Rank>
void queue_copy(Context& ctx, std::type_identity_t<View<const T, Rank>> from, View<T, Rank> to) {
  require(from.shape == to.shape, "copy: both views must have the same shape");
  if (from.data != to.data) queue_copy(ctx, from.data, to.data, from.size() * static_cast<std::int64_t>(sizeof(T)));
}
template <class T, int Rank>
void queue_zero(Context& ctx, View<T, Rank> to) {
  queue_zero(ctx, to.data, to.size() * static_cast<std::int64_t>(sizeof(T)));
}

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
