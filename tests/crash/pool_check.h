// Whether a pool is whole, for tests that interrupt a program which writes one.
#pragma once

#include <string>
#include <vector>

#include "pool/pool.h"

namespace peer::pool::test {

struct PoolCheck {
  GenerationId head;                  // invalid: the pool has no head yet
  Digest content;                     // of head
  std::vector<std::string> problems;  // empty: it opens, verify is clean, head can be read
};

// Opens the pool as a reader, verifies it and reads all of head. Damage of any kind becomes a problem, never an exception.
PoolCheck check_pool(const std::string& path);

}  // namespace peer::pool::test
