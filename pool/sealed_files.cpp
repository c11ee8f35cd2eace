#include "pool/sealed_files.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::pool {

std::shared_ptr<const MappedFile> SealedFiles::open(const SealedName& name) {
  bool was_checked = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = checked_.find(name);
    was_checked = found != checked_.end();
    if (was_checked)
      if (std::shared_ptr<const MappedFile> map = found->second.lock()) return map;
  }
  const std::string path = path_of(name);
  if (!exists(path))
    throw CorruptError(path + ": missing; if the pool was pruned meanwhile, open it again, else restore the file from a copy of the pool");
  auto map = std::make_shared<const MappedFile>(path);
  if (!was_checked) {
    const Digest found = digest_of(map->data(), static_cast<std::size_t>(map->size()));
    if (found != name.digest)
      throw CorruptError(fmt::format("{}: expected the digest of its name, found {} in {} bytes; restore the file from a copy of the pool",
                                     path, to_hex(found), map->size()));
  }
  const std::lock_guard lock(mutex_);
  checked_[name] = map;
  return map;
}

void SealedFiles::forget(const SealedName& name) {
  const std::lock_guard lock(mutex_);
  checked_.erase(name);
}

bool SealedFiles::holds(const SealedName& name) {
  try {
    open(name);
    return true;
  } catch (const CorruptError&) {
    return false;
  }
}

}  // namespace peer::pool
