// A directory that is gone at the end of its scope, and small pools with known content.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pool/pool.h"

namespace peer::pool::test {

class ScratchDirectory {
 public:
  ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory();
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

// 3 numbers a row half, 4 rows a page, 2 floats of state a row.
inline constexpr RowLayout kLayout{3, 4, 2, Element::kFloat32};

// (rows, 2, D) and (rows, state_floats): numbers that differ for every seed.
std::vector<float> page_rows(int seed, std::int64_t rows = 4, const RowLayout& layout = kLayout);
std::vector<float> page_state_values(int seed, std::int64_t rows = 4, const RowLayout& layout = kLayout);

// Block 0 with 10 rows (pages of 4, 4 and 2 rows, the first with state), trunk "base", state and fingerprint, one record. All a function
// of `seed`. Moves head.
GenerationId commit_sample(Pool& pool, GenerationId parent, int seed);

std::vector<std::string> names_in(const std::string& directory);
std::string file_bytes(const std::string& path);
void overwrite(const std::string& path, const std::string& bytes);  // also a sealed file
void flip_bit(const std::string& path, std::int64_t bit);

}  // namespace peer::pool::test
