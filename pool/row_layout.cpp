#include "pool/row_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "peer/base/require.h"

namespace peer::pool {

std::string problem_of(const RowLayout& layout) {
  const auto outside = [](const char* what, std::int64_t found, std::int64_t low, std::int64_t high) {
    return fmt::format("{}: expected {} to {}, found {}", what, low, high, found);
  };
  if (layout.width < 1 || layout.width > kMaxWidth) return outside("width", layout.width, 1, kMaxWidth);
  if (layout.rows_per_page < 1 || layout.rows_per_page > kMaxRowsPerPage)
    return outside("rows per page", layout.rows_per_page, 1, kMaxRowsPerPage);
  if (!std::has_single_bit(static_cast<std::uint64_t>(layout.rows_per_page)))
    return fmt::format("rows per page: expected a power of two, found {}", layout.rows_per_page);
  if (layout.state_floats < 0 || layout.state_floats > kMaxStateFloats)
    return outside("state floats", layout.state_floats, 0, kMaxStateFloats);
  if (layout.element != Element::kFloat32 && layout.element != Element::kBfloat16)
    return fmt::format("element: expected 1 (fp32) or 2 (bf16), found {}", static_cast<int>(layout.element));
  return "";
}

std::int64_t rows_in_page(const RowLayout& layout, std::int64_t rows, std::int64_t page) {
  return std::clamp<std::int64_t>(rows - page * layout.rows_per_page, 0, layout.rows_per_page);
}

void store_values(std::span<const float> values, Element element, std::span<std::byte> out) {
  require(static_cast<std::int64_t>(out.size()) == static_cast<std::int64_t>(values.size()) * bytes_of(element),
          "store_values: the bytes must hold the values");
  if (values.empty()) return;
  if (element == Element::kFloat32) {
    std::memcpy(out.data(), values.data(), values.size_bytes());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t half = bfloat16_of(values[i]);
    std::memcpy(out.data() + 2 * i, &half, 2);
  }
}

}  // namespace peer::pool
