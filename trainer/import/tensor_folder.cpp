#include "trainer/import/tensor_folder.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "peer/base/error.h"
#include "trainer/import/folder_file.h"

namespace peer::trainer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr std::int64_t kLongestIndex = 64 << 20;

using ShardOfTensor = std::map<std::string, std::string>;

// A shard is a file of the folder: a name that leads elsewhere is not followed.
ShardOfTensor read_index(const std::string& path) {
  const nlohmann::json index = read_folder_json(path, kLongestIndex);
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object())
    throw CorruptError(path + ": expected an object 'weight_map' from tensors to files, found none");
  ShardOfTensor shards;
  for (const auto& [tensor, file] : map->items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos || name.find('\0') != name.npos)
      throw CorruptError(fmt::format("{}: tensor '{}': expected the name of a file in this folder, found {}", path, tensor, file.dump()));
    shards[tensor] = name;
  }
  return shards;
}

}  // namespace

TensorFolder::TensorFolder(const std::string& folder) {
  const std::string single = (fs::path(folder) / kSingle).string(), index = (fs::path(folder) / kIndex).string();
  std::error_code none;
  if (fs::exists(single, none)) {
    add(single);
    return;
  }
  if (!fs::exists(index, none))
    throw UsageError(
        fmt::format("{}: expected {} or {}, found neither; save_pretrained of transformers writes them", folder, kSingle, kIndex));
  const ShardOfTensor shards = read_index(index);
  std::set<std::string> files;
  for (const auto& [tensor, file] : shards)
    if (files.insert(file).second) add((fs::path(folder) / file).string());
  for (const auto& [tensor, file] : shards)
    if (const Place* place = find(tensor); place == nullptr || fs::path(place->file->path()).filename() != file)
      throw CorruptError(fmt::format("{}: tensor '{}': expected in {}, found {}", index, tensor, file,
                                     place == nullptr ? "nowhere" : "in " + place->file->path()));
}

void TensorFolder::add(const std::string& path) {
  files_.push_back(std::make_unique<SafetensorsFile>(path));
  const SafetensorsFile& file = *files_.back();
  for (const StoredTensor& tensor : file.tensors())
    if (const auto [known, is_new] = tensors_.try_emplace(tensor.name, Place{&file, &tensor}); !is_new)
      throw CorruptError(
          fmt::format("{}: tensor '{}': expected in one file, found in {} too", path, tensor.name, known->second.file->path()));
}

const TensorFolder::Place* TensorFolder::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::int64_t TensorFolder::numbers() const {
  std::int64_t numbers = 0;
  for (const auto& [name, place] : tensors_) numbers += place.tensor->count();
  return numbers;
}

}  // namespace peer::trainer
