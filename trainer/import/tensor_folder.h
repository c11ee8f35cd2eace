// The tensors of a model's folder, wherever they lie: in model.safetensors, or in the shards that model.safetensors.index.json lists.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "trainer/import/safetensors.h"

namespace peer::trainer {

class TensorFolder {
 public:
  struct Place {
    const SafetensorsFile* file = nullptr;
    const StoredTensor* tensor = nullptr;
  };

  // Reads and checks every header. UsageError when there is neither file, CorruptError when list and shards do not agree.
  explicit TensorFolder(const std::string& folder);

  const std::map<std::string, Place, std::less<>>& tensors() const { return tensors_; }
  const Place* find(const std::string& name) const;
  std::int64_t numbers() const;  // in all of them

 private:
  void add(const std::string& path);

  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Place, std::less<>> tensors_;
};

}  // namespace peer::trainer
