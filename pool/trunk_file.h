// A trunk file: a HDF5 file with one contiguous fp32 dataset a tensor, in the order given. The same tensors give the same file.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pool/file_ops.h"
#include "pool/pool.h"

namespace peer::pool {

std::vector<std::byte> make_trunk_file(const std::vector<TensorView>& tensors);

// The tensors of a trunk file whose digest was checked. `file` is the map of `path`. CorruptError when it is not a trunk file.
std::map<std::string, MappedTensor> read_trunk_file(const std::shared_ptr<const MappedFile>& file, const std::string& path);

}  // namespace peer::pool
