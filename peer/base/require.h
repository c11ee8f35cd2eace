#pragma once

#include "peer/base/error.h"

namespace peer {

// Throws ContractError(what) unless `held`. `what` reads "op: what must hold".
inline void require(bool held, const char* what) {
  if (!held) [[unlikely]]
    throw ContractError(what);
}

}  // namespace peer
