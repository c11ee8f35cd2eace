// Sealed files: named by the digest of their bytes, never written again. A file is believed only after its bytes were compared with its
// name, once for as long as the pool is open; then it is mapped.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "pool/file_names.h"
#include "pool/file_ops.h"

namespace peer::pool {

class SealedFiles {
 public:
  explicit SealedFiles(std::string pool_path) : pool_path_(std::move(pool_path)) {}
  // CorruptError naming the file when it is missing or its bytes are not those of its name. Safe to call from many threads.
  std::shared_ptr<const MappedFile> open(const SealedName& name);
  // Whether the file is there and intact. A damaged one may be replaced by writing it anew.
  bool holds(const SealedName& name);
  // Before the file is removed: what was said of it holds no longer.
  void forget(const SealedName& name);
  std::string path_of(const SealedName& name) const { return join(pool_path_, sealed_path(name)); }

 private:
  std::string pool_path_;
  std::mutex mutex_;
  std::map<SealedName, std::weak_ptr<const MappedFile>> checked_;  // an expired map was checked all the same
};

}  // namespace peer::pool
