#pragma once

#include <functional>

#include "pool/store.h"

namespace peer::pool {

// As Pool::prune.
PruneReport prune(Store& store, const std::function<bool(const Generation&)>& superseded, Removal removal);

}  // namespace peer::pool
