// A page version is a HDF5 file with one dataset, `experts` (rows, 2, D): row i is expert first_id + i, [i][0] its down row, [i][1] its up
// row. The optimizer's state is a file of its own with `state` (rows, state_floats), always fp32. In both, the numbers are the last bytes
// of the file and start at byte 4096, so that a reader maps the file and needs no parser. Attributes are a function of what the page is,
// never of when or why it was written: the same rows give the same file.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "pool/file_ops.h"
#include "pool/row_layout.h"

namespace peer::pool {

inline constexpr std::int64_t kPageDataOffset = 4096;

// rows: (n, 2, D); state: (n, state_floats)
std::vector<std::byte> make_page_file(BlockId block, PageIndex page, const RowLayout& layout, std::span<const float> rows);
std::vector<std::byte> make_state_file(BlockId block, PageIndex page, const RowLayout& layout, std::span<const float> state);

// The last `bytes` bytes of a file whose digest was checked; CorruptError when the file has another size.
std::span<const std::byte> data_of(const MappedFile& file, std::int64_t bytes, const std::string& path);

}  // namespace peer::pool
