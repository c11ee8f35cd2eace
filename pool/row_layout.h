// What is written for an expert: [down | up], each D numbers of the layout's element. Conversion between fp32 and the stored element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "pool/pool.h"

namespace peer::pool {

// Local numbers have ExpertId::kLocalBits bits; the other limits keep every product of sizes far from 2^63.
inline constexpr std::int64_t kMaxRows = std::int64_t{1} << ExpertId::kLocalBits;
inline constexpr std::int64_t kMaxRowsPerPage = std::int64_t{1} << 24;
inline constexpr std::int64_t kMaxWidth = std::int64_t{1} << 20;
inline constexpr std::int64_t kMaxStateFloats = std::int64_t{1} << 22;

// What is wrong with a layout, "" when nothing is.
std::string problem_of(const RowLayout& layout);

// Rows of page `page` in a table of `rows`: rows_per_page, fewer in the last page.
std::int64_t rows_in_page(const RowLayout& layout, std::int64_t rows, std::int64_t page);

// values.size() numbers to `out` as `element`; bf16 rounds to nearest even. out.size() == values.size() * bytes_of(element).
void store_values(std::span<const float> values, Element element, std::span<std::byte> out);

}  // namespace peer::pool
