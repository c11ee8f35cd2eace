#pragma once

#include <memory>

#include "pool/pool.h"
#include "pool/store.h"

namespace peer::pool {

struct Pool::State {
  std::unique_ptr<Store> store;
};

}  // namespace peer::pool
