// Making and opening a pool. Recovery is what a writer does at open, whatever became of the writer before it.
#pragma once

#include <memory>
#include <string>

#include "pool/pool.h"
#include "pool/store.h"

namespace peer::pool {

// Appears at `path` complete or not at all.
void create_pool(const std::string& path);

std::unique_ptr<Store> open_store(const std::string& path, Access access);

}  // namespace peer::pool
