// A trunk file: a HDF5 file with one contiguous fp32 dataset a tensor, in the order given. The same tensors give the same file.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pool/file_ops.h"
#include "pool/pool.h"

namespace peer::pool {

// `use` gets the bytes of the file, and must not use HDF5.
void make_trunk_file(const std::vector<TensorView>& tensors, const std::function<void(std::span<const std::byte>)>& use);

// The tensors of a trunk file whose digest was checked. `file` is the map of `path`. CorruptError when it is not a trunk file.
std::map<std::string, MappedTensor> read_trunk_file(const std::shared_ptr<const MappedFile>& file, const std::string& path);

}  // namespace peer::pool
