#pragma once

#include <cstdint>
#include <string_view>

#include "peer/device/buffer.h"

namespace peer::layers {

// Fills with N(0, deviation^2). The numbers depend on (seed, name, index) alone, so adding a tensor changes no other.
void initialise_normal(float* values, std::int64_t count, double deviation, std::uint64_t seed, std::string_view name,
                       std::int64_t first_index = 0);
void initialise_constant(Buffer<float>& values, float constant);

}  // namespace peer::layers
