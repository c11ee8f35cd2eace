#pragma once

#include <string>

#include "peer/base/error.h"
#include "peer/device/context.h"

namespace peer::ops {

// Throws DeviceError, naming the op, when ctx is a device for which `op` has no twin.
inline void require_cpu(const Context& ctx, const char* op) {
  if (!ctx.device().is_cpu()) throw DeviceError(std::string(op) + ": no twin for device '" + to_text(ctx.device()) + "'; try --device cpu");
}

}  // namespace peer::ops
