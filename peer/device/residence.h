#pragma once

#include <cstdint>

#include "peer/device/context.h"

namespace peer {

// Where memory of a CUDA device lies. kHost: in the machine's memory, where kernels read and write it over the bus, cache line by cache
// line, without its coming to the device.
enum class Residence { kDevice, kHost };

// Moves the bytes, in order with the ops of ctx, and keeps them there whoever touches them. Nothing on the CPU, whose memory is all there
// is.
void set_residence(Context& ctx, void* data, std::int64_t bytes, Residence residence);

// How much of a CUDA device's own memory is taken, by whomever. 0 for the CPU.
std::int64_t device_bytes_in_use(Device device);

}  // namespace peer
