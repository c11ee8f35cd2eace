// A HDF5 file laid out in memory: HDF5 makes the metadata, the caller fills in the bytes of each dataset, and what comes out is written to
// disk by our own write(). The same description gives the same bytes: no times, no random addresses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "peer/base/element.h"

namespace peer::pool {

struct Hdf5Attributes {
  std::vector<std::pair<std::string, std::variant<std::int64_t, std::string>>> values;
};

struct Hdf5Description {
  std::string name;                 // no '/'
  std::vector<std::int64_t> shape;  // empty: one number
  Element element = Element::kFloat32;
  Hdf5Attributes attributes;
};

// In HDF5's own memory, of which a second copy could be too much: a trunk is as large as a model.
struct Hdf5Image {
  std::span<std::byte> bytes;         // the whole file
  std::vector<std::int64_t> offsets;  // of each dataset's first byte; where it is empty, the end of the file
};

std::int64_t bytes_of(const Hdf5Description& dataset);

// Contiguous little-endian datasets; one that is large starts at a multiple of 4096. A single dataset whose attributes fit in the first
// 4096 bytes is the end of the file: bytes.size() == offsets[0] + bytes_of(dataset).
// The image is gone when `use` returns, which must not use HDF5.
void lay_out(const std::vector<Hdf5Description>& datasets, const Hdf5Attributes& file_attributes,
             const std::function<void(const Hdf5Image&)>& use);

}  // namespace peer::pool
