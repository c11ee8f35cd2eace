#pragma once

#include <cstdint>
#include <vector>

#include "peer/device/buffer.h"

namespace peer::layers {

// What one attention layer has read: the rotated keys and the values of positions [0, P) of every row.
struct KeyValueCache {
  KeyValueCache(Device device, std::int64_t rows, std::int64_t capacity, std::int64_t kv_width)
      : capacity(capacity), key(device, rows * capacity * kv_width), value(device, rows * capacity * kv_width) {}
  std::int64_t capacity;     // C, positions
  Buffer<float> key, value;  // (B, C, Hkv, d)
};

// The tokens before those of a forward pass: none, or the first `tokens` of a cache, behind which the new ones are added.
struct Past {
  KeyValueCache* cache = nullptr;
  std::int64_t tokens = 0;  // P
};

}  // namespace peer::layers
