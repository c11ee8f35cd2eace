#include "pool/page_file.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "pool/hdf5_image.h"

namespace peer::pool {
namespace {

constexpr std::int64_t kPageFileVersion = 1;

Hdf5Attributes attributes_of(const char* what, const char* layout_text, BlockId block, PageIndex page, const RowLayout& layout,
                             std::int64_t rows) {
  return {{{"what", what},
           {"layout", layout_text},
           {"format_version", kPageFileVersion},
           {"block", block.value},
           {"first_id", page.value * layout.rows_per_page},
           {"rows", rows},
           {"width", layout.width}}};
}

std::vector<std::byte> make_file(Hdf5Description description, std::span<const float> values) {
  description.attributes.values.emplace_back("element", std::string(name_of(description.element)));
  std::vector<std::byte> file;
  lay_out({description}, {}, [&](const Hdf5Image& image) {
    const std::span<std::byte> data = image.bytes.subspan(static_cast<std::size_t>(image.offsets[0]));
    require(image.offsets[0] == kPageDataOffset && static_cast<std::int64_t>(data.size()) == bytes_of(description),
            "page_file: the numbers must be the end of the file");
    store_values(values, description.element, data);
    file.assign(image.bytes.begin(), image.bytes.end());
  });
  return file;
}

}  // namespace

std::vector<std::byte> make_page_file(BlockId block, PageIndex page, const RowLayout& layout, std::span<const float> rows) {
  const std::int64_t count = static_cast<std::int64_t>(rows.size()) / (2 * layout.width);
  const char* what = "one page of the experts of a PEER layer: expert first_id + i of the block is row i";
  const char* layout_text = "[down | up]: experts[i][0] is the down row, experts[i][1] the up row";
  return make_file({"experts", {count, 2, layout.width}, layout.element, attributes_of(what, layout_text, block, page, layout, count)},
                   rows);
}

std::vector<std::byte> make_state_file(BlockId block, PageIndex page, const RowLayout& layout, std::span<const float> state) {
  const std::int64_t count = static_cast<std::int64_t>(state.size()) / layout.state_floats;
  const char* what = "the optimizer's state of one page of experts: expert first_id + i of the block is row i";
  const char* layout_text = "one row an expert; the trainer that wrote it knows the columns";
  return make_file({"state", {count, layout.state_floats}, Element::kFloat32, attributes_of(what, layout_text, block, page, layout, count)},
                   state);
}

std::span<const std::byte> data_of(const MappedFile& file, std::int64_t bytes, const std::string& path) {
  if (file.size() != kPageDataOffset + bytes)
    throw CorruptError(fmt::format("{}: expected {} bytes of numbers after the first {}, found a file of {} bytes", path, bytes,
                                   kPageDataOffset, file.size()));
  return {file.data() + kPageDataOffset, static_cast<std::size_t>(bytes)};
}

}  // namespace peer::pool
