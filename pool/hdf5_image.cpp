#include "pool/hdf5_image.h"

#include "peer/base/require.h"
#include "pool/hdf5_handles.h"

namespace peer::pool {
namespace {

constexpr hsize_t kAlignment = 4096;
constexpr std::size_t kIncrement = std::size_t{1} << 16;

void check(bool worked) { require(worked, "hdf5: an image in memory must be laid out"); }

// bf16 is a floating-point type like any other to HDF5: h5py reads it as float32.
Hdf5Type type_of(Element element) {
  Hdf5Type type(H5Tcopy(H5T_IEEE_F32LE));
  if (element == Element::kBfloat16)
    check(H5Tset_fields(type.get(), 15, 7, 8, 0, 7) >= 0 && H5Tset_size(type.get(), 2) >= 0 && H5Tset_ebias(type.get(), 127) >= 0);
  return type;
}

Hdf5Space space_of(const std::vector<std::int64_t>& shape) {
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  return Hdf5Space(extents.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr));
}

void add_attributes(hid_t object, const Hdf5Attributes& attributes) {
  const Hdf5Space scalar(H5Screate(H5S_SCALAR));
  for (const auto& [name, value] : attributes.values) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      const Hdf5Attribute attribute(H5Acreate2(object, name.c_str(), H5T_STD_I64LE, scalar.get(), H5P_DEFAULT, H5P_DEFAULT));
      check(H5Awrite(attribute.get(), H5T_NATIVE_INT64, number) >= 0);
      continue;
    }
    const auto& text = std::get<std::string>(value);
    const Hdf5Type type(H5Tcopy(H5T_C_S1));
    check(H5Tset_size(type.get(), text.size() + 1) >= 0 && H5Tset_cset(type.get(), H5T_CSET_UTF8) >= 0);
    const Hdf5Attribute attribute(H5Acreate2(object, name.c_str(), type.get(), scalar.get(), H5P_DEFAULT, H5P_DEFAULT));
    check(H5Awrite(attribute.get(), type.get(), text.c_str()) >= 0);
  }
}

Hdf5Dataset add_dataset(const Hdf5File& file, const Hdf5Description& description) {
  const Hdf5Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  check(H5Pset_layout(properties.get(), H5D_CONTIGUOUS) >= 0 && H5Pset_obj_track_times(properties.get(), false) >= 0);
  // Early allocation gives the dataset its place at once; without fill HDF5 never touches the bytes that we put there.
  check(H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY) >= 0 && H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER) >= 0);
  Hdf5Dataset dataset(H5Dcreate2(file.get(), description.name.c_str(), type_of(description.element).get(),
                                 space_of(description.shape).get(), H5P_DEFAULT, properties.get(), H5P_DEFAULT));
  check(dataset.valid());
  add_attributes(dataset.get(), description.attributes);
  return dataset;
}

Hdf5File create_in_memory() {
  const Hdf5Properties access(H5Pcreate(H5P_FILE_ACCESS)), creation(H5Pcreate(H5P_FILE_CREATE));
  check(H5Pset_fapl_core(access.get(), kIncrement, false) >= 0);
  // The first 4096 bytes hold the metadata, what follows starts at 4096.
  check(H5Pset_meta_block_size(access.get(), kAlignment) >= 0 && H5Pset_small_data_block_size(access.get(), 0) >= 0);
  check(H5Pset_alignment(access.get(), kAlignment + 1, kAlignment) >= 0);
  check(H5Pset_obj_track_times(creation.get(), false) >= 0);
  Hdf5File file(H5Fcreate("image", H5F_ACC_TRUNC, creation.get(), access.get()));
  check(file.valid());
  return file;
}

}  // namespace

std::int64_t bytes_of(const Hdf5Description& dataset) {
  std::int64_t bytes = bytes_of(dataset.element);
  for (const std::int64_t extent : dataset.shape) bytes *= extent;
  return bytes;
}

void lay_out(const std::vector<Hdf5Description>& datasets, const Hdf5Attributes& file_attributes,
             const std::function<void(const Hdf5Image&)>& use) {
  const Hdf5Session session;
  const Hdf5File file = create_in_memory();
  add_attributes(file.get(), file_attributes);
  std::vector<haddr_t> places;
  for (const Hdf5Description& description : datasets) places.push_back(H5Dget_offset(add_dataset(file, description).get()));
  check(H5Fflush(file.get(), H5F_SCOPE_GLOBAL) >= 0);
  const ssize_t size = H5Fget_file_image(file.get(), nullptr, 0);
  check(size > 0);
  void** memory = nullptr;  // where the driver that keeps a file in memory has its pointer to the bytes
  check(H5Fget_vfd_handle(file.get(), H5P_DEFAULT, reinterpret_cast<void**>(&memory)) >= 0);
  Hdf5Image image{{static_cast<std::byte*>(*memory), static_cast<std::size_t>(size)}, {}};
  constexpr std::size_t kSuperblockVersion = 8, kConsistencyFlags = 20;  // of version 0
  check(image.bytes[kSuperblockVersion] == std::byte{0});
  image.bytes[kConsistencyFlags] = std::byte{0};  // where HDF5 says that the file is open for writing
  for (const haddr_t place : places) image.offsets.push_back(place == HADDR_UNDEF ? size : static_cast<std::int64_t>(place));
  use(image);
}

}  // namespace peer::pool
