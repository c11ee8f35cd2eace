#include "pool/trunk_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "pool/hdf5_handles.h"
#include "pool/hdf5_image.h"

namespace peer::pool {
namespace {

constexpr std::int64_t kTrunkFileVersion = 1;

[[noreturn]] void fail(const std::string& path, const std::string& tensor, const char* problem) {
  throw CorruptError(fmt::format("{}: tensor '{}': {}", path, tensor, problem));
}

// Opened beside our map, for the names, shapes and places alone.
Hdf5File open_metadata(const std::string& path) {
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS));
  H5Pset_file_locking(access.get(), false, true);  // sealed: nobody writes it
  Hdf5File file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()));
  if (!file.valid()) throw CorruptError(path + ": expected a HDF5 file");
  return file;
}

std::string name_of(const Hdf5File& file, hsize_t index, const std::string& path) {
  const ssize_t size = H5Lget_name_by_idx(file.get(), ".", H5_INDEX_NAME, H5_ITER_INC, index, nullptr, 0, H5P_DEFAULT);
  if (size < 0) fail(path, std::to_string(index), "cannot read its name");
  std::string name(static_cast<std::size_t>(size) + 1, '\0');
  H5Lget_name_by_idx(file.get(), ".", H5_INDEX_NAME, H5_ITER_INC, index, name.data(), name.size(), H5P_DEFAULT);
  name.pop_back();
  return name;
}

MappedTensor read_tensor(const Hdf5File& hdf5, const std::string& name, const std::shared_ptr<const MappedFile>& file,
                         const std::string& path) {
  const Hdf5Dataset dataset(H5Dopen2(hdf5.get(), name.c_str(), H5P_DEFAULT));
  if (!dataset.valid()) fail(path, name, "expected a dataset");
  const Hdf5Type type(H5Dget_type(dataset.get()));
  if (H5Tequal(type.get(), H5T_IEEE_F32LE) <= 0) fail(path, name, "expected little-endian fp32");
  const Hdf5Space space(H5Dget_space(dataset.get()));
  std::vector<hsize_t> extents(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space.get()))));
  if (!extents.empty()) H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  MappedTensor tensor{{}, {}, file};
  std::uint64_t count = 1;
  const std::uint64_t limit = static_cast<std::uint64_t>(file->size()) / sizeof(float);
  for (const hsize_t extent : extents) {
    if (extent > 0 && count > limit / extent) fail(path, name, "its shape is larger than the file");
    count *= extent;
    tensor.shape.push_back(static_cast<std::int64_t>(extent));
  }
  if (count == 0) return tensor;
  const haddr_t place = H5Dget_offset(dataset.get());
  const std::uint64_t bytes = count * sizeof(float), size = static_cast<std::uint64_t>(file->size());
  if (place == HADDR_UNDEF || place > size || bytes > size - place) fail(path, name, "its numbers lie outside of the file");
  tensor.numbers = {file->data() + place, bytes};
  return tensor;
}

}  // namespace

void make_trunk_file(const std::vector<TensorView>& tensors, const std::function<void(std::span<const std::byte>)>& use) {
  std::vector<Hdf5Description> descriptions;
  for (const TensorView& tensor : tensors) {
    require(!tensor.name.empty() && tensor.name != "." && tensor.name.find('/') == std::string::npos,
            "trunk_file: a tensor's name must not be empty, '.' or contain '/'");
    require(std::ranges::none_of(descriptions, [&](const auto& other) { return other.name == tensor.name; }),
            "trunk_file: names must differ");
    require(std::ranges::none_of(tensor.shape, [](std::int64_t extent) { return extent < 0; }), "trunk_file: extents must not be negative");
    descriptions.push_back({tensor.name, tensor.shape, Element::kFloat32, {}});
  }
  const Hdf5Attributes attributes{
      {{"what", "named dense tensors of a language model, fp32, row-major"}, {"format_version", kTrunkFileVersion}}};
  lay_out(descriptions, attributes, [&](const Hdf5Image& image) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto bytes = static_cast<std::size_t>(bytes_of(descriptions[i]));
      if (bytes > 0) std::memcpy(image.bytes.data() + image.offsets[i], tensors[i].values, bytes);
    }
    use(image.bytes);
  });
}

std::map<std::string, MappedTensor> read_trunk_file(const std::shared_ptr<const MappedFile>& file, const std::string& path) {
  const Hdf5Session session;
  const Hdf5File hdf5 = open_metadata(path);
  H5G_info_t info{};
  if (H5Gget_info(hdf5.get(), &info) < 0) throw CorruptError(path + ": cannot read the list of tensors");
  std::map<std::string, MappedTensor> tensors;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    const std::string name = name_of(hdf5, i, path);
    tensors.emplace(name, read_tensor(hdf5, name, file, path));
  }
  return tensors;
}

}  // namespace peer::pool
