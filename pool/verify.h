#pragma once

#include <functional>

#include "pool/store.h"

namespace peer::pool {

// Reads everything that a generation, a ref or the reflog leads to. Strays and temporary files are not looked at: nothing leads to them.
VerifyReport verify(Store& store, const std::function<void(std::int64_t done, std::int64_t total)>& progress);

}  // namespace peer::pool
