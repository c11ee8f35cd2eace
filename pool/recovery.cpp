#include "pool/recovery.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "peer/base/error.h"
#include "pool/format_file.h"
#include "pool/head2.h"

namespace peer::pool {
namespace {

std::string parent_of(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

void require_pool(const std::string& path) {
  if (!exists(path)) throw IoError(fmt::format("{}: there is no pool here; make one with 'peer-cli init {}'", path, path));
  if (!exists(join(path, kFormatFile))) throw IoError(fmt::format("{}: expected a pool, found no FORMAT file in it", path));
}

// A FORMAT file without the rest is a pool that lost a part.
void require_parts(const std::string& path) {
  for (const std::string_view part : {kHead2File, kCatalogueDirectory, kShardsDirectory, kTrunkDirectory})
    if (!exists(join(path, part))) throw CorruptError(fmt::format("{}: missing from the pool; restore it from a copy", join(path, part)));
}

// The batch comes before HEAD2, so a crash between the two leaves HEAD2 one behind: the batch was durable, and is acknowledged now.
void acknowledge(const std::string& head2_path, const Counters& counters) {
  if (read_head_slots(head2_path).newest() != counters) write_head2(head2_path, counters);
}

void remove_temporary_files(const std::string& path) {
  for (const std::string_view part : {kShardsDirectory, kTrunkDirectory}) {
    const std::string directory = join(path, part);
    for (const std::string& name : list_directory(directory))
      if (is_temporary_name(name)) remove_file(join(directory, name));
  }
}

// Nothing, or an empty directory, which a rename replaces.
void require_room_for_pool(const std::string& path) {
  std::error_code ignored;
  if (exists(path) && !(std::filesystem::is_directory(path, ignored) && std::filesystem::is_empty(path, ignored)))
    throw IoError(fmt::format("{}: something exists here already; choose another path, or remove it", path));
}

void fill_pool(const std::string& path) {
  make_directory(path);
  for (const std::string_view name : {kShardsDirectory, kTrunkDirectory}) make_directory(join(path, name));
  Catalogue::create(join(path, kCatalogueDirectory));
  create_head2(join(path, kHead2File));
  create_or_open(join(path, kLockFile));
  write_format_file(join(path, kFormatFile));
  sync_directory(path);
}

}  // namespace

void create_pool(const std::string& given_path) {
  const std::string path = without_trailing_slash(given_path);
  if (path.empty()) throw UsageError("expected the path of a pool to be made, found nothing");
  require_room_for_pool(path);
  const std::string parent = parent_of(path), draft = fmt::format("{}.{}", path, temporary_name(::getpid(), 0));
  if (!exists(parent)) throw IoError(fmt::format("{}: the directory {} does not exist; make it first", path, parent));
  require_writable(parent);
  std::error_code ignored;
  std::filesystem::remove_all(draft, ignored);  // of a crashed process that had our pid
  try {
    fill_pool(draft);
    rename_path(draft, path);
  } catch (...) {
    std::filesystem::remove_all(draft, ignored);
    require_room_for_pool(path);  // another process may have been faster
    throw;
  }
  sync_directory(parent);
}

std::unique_ptr<Store> open_store(const std::string& given_path, Access access) {
  const std::string path = without_trailing_slash(given_path);
  require_pool(path);
  check_format_file(join(path, kFormatFile));
  require_parts(path);
  const std::string head2_path = join(path, kHead2File), directory = join(path, kCatalogueDirectory);
  std::optional<WriterLock> lock;
  if (access == Access::kWrite) lock.emplace(join(path, kLockFile));

  const Counters acknowledged = read_head2(head2_path);  // before the catalogue: a writer may commit in between
  Catalogue catalogue = lock ? Catalogue::open_for_writing(directory) : Catalogue::open_for_reading(directory);
  const Counters counters = catalogue.counters();
  if (counters.sequence < acknowledged.sequence)
    throw CorruptError(
        fmt::format("{}: HEAD2 acknowledges batch {}, the catalogue ends at {}: acknowledged work was lost; restore the "
                    "catalogue from a copy of the pool",
                    directory, acknowledged.sequence, counters.sequence));
  if (lock) {
    acknowledge(head2_path, counters);
    remove_temporary_files(path);
  }
  return std::unique_ptr<Store>(new Store{path, std::move(lock), std::move(catalogue), counters, SealedFiles(path)});
}

}  // namespace peer::pool
