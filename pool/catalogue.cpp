#include "pool/catalogue.h"

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <system_error>

#include "peer/base/error.h"
#include "pool/advice.h"
#include "pool/byte_codec.h"
#include "pool/directory_lock.h"
#include "pool/file_ops.h"

namespace peer::pool {
namespace {

constexpr const char* kRecordsFamily = "records";
constexpr int kReadAttempts = 10;

// RocksDB's own log would be one more file that every reader writes.
class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options rocksdb_options() {
  rocksdb::Options options;
  // The default recovery opened an older state in silence when a bit of the log had flipped. This one accepts only a torn tail, and HEAD2
  // tells whether the tail had been acknowledged.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.paranoid_file_checks = true;
  // Small and never preallocated: on a full disk the catalogue must still be able to say so.
  options.write_buffer_size = std::size_t{1} << 20;
  options.manifest_preallocation_size = std::size_t{64} << 10;
  options.allow_fallocate = false;
  options.atomic_flush = true;
  options.compression = rocksdb::kNoCompression;
  options.max_background_jobs = 2;
  // More would be threads that live while tables are opened; where the system refuses one of them, RocksDB ends the process.
  options.max_file_opening_threads = 1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log = std::make_shared<SilentLogger>();
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const rocksdb::Options& options) {
  return {{rocksdb::kDefaultColumnFamilyName, options}, {kRecordsFamily, options}};
}

[[noreturn]] void fail(const std::string& directory, const char* attempt, const rocksdb::Status& status) {
  const std::string line = fmt::format("{}: cannot {}: {}", directory, attempt, status.ToString());
  if (status.IsIOError() && !status.IsPathNotFound()) throw IoError(line + std::string(advice_in(line)));
  throw CorruptError(line + "; restore the catalogue from a copy of the pool");
}

// RocksDB has threads of its own, and says by an exception that the system refuses one.
template <class Open>
rocksdb::Status with_threads(const std::string& directory, const Open& open) {
  try {
    return open();
  } catch (const std::system_error& error) {
    throw IoError(fmt::format("{}: cannot start a thread for the catalogue: {}{}", directory, error.code().message(),
                              advice_for(error.code().value())));
  }
}

void check(const std::string& directory, const char* attempt, const rocksdb::Status& status) {
  if (!status.ok()) fail(directory, attempt, status);
}

std::string_view open_seal(const std::string& directory, std::string_view key, std::string_view value) {
  if (const std::optional<std::string_view> body = unseal(key, value)) return *body;
  std::string shown;
  for (const char c : key) shown += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  throw CorruptError(fmt::format("{}: the value of key '{}' differs from its checksum", directory, shown));
}

}  // namespace

struct Catalogue::State {
  std::string directory;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  explicit State(std::string path) : directory(std::move(path)) {}
  ~State() { close(); }

  // RocksDB closes for good when it cannot be opened again after a failed write.
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    if (!db) throw IoError(directory + ": the catalogue closed after a failed write; open the pool again");
    return handles.at(static_cast<std::size_t>(family));
  }

  void close() {
    if (!db) return;
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    handles.clear();
    db.reset();
  }

  // A reader that opens meanwhile would miss what RocksDB moves from file to file, so RocksDB removes files here and in remove_old_files
  // only: when no reader is opening.
  rocksdb::Status open_for_writing() {
    close();
    const DirectoryLock alone = DirectoryLock::exclusive(directory);
    const rocksdb::Options options = rocksdb_options();
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        with_threads(directory, [&] { return rocksdb::DB::Open(options, directory, families(options), &handles, &opened); });
    db.reset(opened);
    return status.ok() ? db->DisableFileDeletions() : status;
  }

  rocksdb::Status open_for_reading() {
    const rocksdb::Options options = rocksdb_options();
    rocksdb::DB* opened = nullptr;
    const rocksdb::Status status =
        with_threads(directory, [&] { return rocksdb::DB::OpenForReadOnly(options, directory, families(options), &handles, &opened); });
    db.reset(opened);
    return status;
  }

  // Does nothing beside a reader that is opening: neither waits for the other, and the next write tries again. Only disk space is at
  // stake, so a failure is left to the next write too.
  void remove_old_files() {
    const std::optional<DirectoryLock> alone = DirectoryLock::try_exclusive(directory);
    if (!alone) return;
    db->EnableFileDeletions().PermitUncheckedError();
    db->DisableFileDeletions().PermitUncheckedError();
  }
};

struct CatalogueBatch::Changes {
  struct Change {
    Family family;
    std::string key;
    std::optional<std::string> value;  // nullopt: remove
  };
  std::vector<Change> changes;
};

CatalogueBatch::CatalogueBatch() : changes_(std::make_unique<Changes>()) {}
CatalogueBatch::~CatalogueBatch() = default;
CatalogueBatch::CatalogueBatch(CatalogueBatch&&) noexcept = default;

void CatalogueBatch::put(Family family, std::string_view key, std::string_view body) {
  changes_->changes.push_back({family, std::string(key), seal(key, body)});
}

void CatalogueBatch::remove(Family family, std::string_view key) { changes_->changes.push_back({family, std::string(key), std::nullopt}); }

Catalogue::Catalogue(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalogue::Catalogue(Catalogue&&) noexcept = default;
Catalogue& Catalogue::operator=(Catalogue&&) noexcept = default;
Catalogue::~Catalogue() = default;

void Catalogue::create(const std::string& directory) {
  State state(directory);
  rocksdb::Options options = rocksdb_options();
  options.create_if_missing = options.create_missing_column_families = options.error_if_exists = true;
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status =
      with_threads(directory, [&] { return rocksdb::DB::Open(options, directory, families(options), &state.handles, &opened); });
  state.db.reset(opened);
  check(directory, "create the catalogue", status);
  Catalogue catalogue(std::make_unique<State>(std::move(state.directory)));
  std::swap(catalogue.state_->db, state.db);
  std::swap(catalogue.state_->handles, state.handles);
  catalogue.write(CatalogueBatch(), Counters{});
}

Catalogue Catalogue::open_for_writing(const std::string& directory) {
  auto state = std::make_unique<State>(directory);
  check(directory, "open the catalogue", state->open_for_writing());
  return Catalogue(std::move(state));
}

Catalogue Catalogue::open_for_reading(const std::string& directory) {
  const DirectoryLock no_removal = DirectoryLock::shared(directory);
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    auto state = std::make_unique<State>(directory);
    const std::vector<std::string> before = list_directory(directory);
    const rocksdb::Status status = state->open_for_reading();
    // A removal that was under way when the lock was taken: a failure says nothing about the pool, and success may hide a hole in the view.
    if (!std::ranges::includes(list_directory(directory), before)) continue;
    check(directory, "open the catalogue", status);
    return Catalogue(std::move(state));
  }
  throw IoError(fmt::format("{}: files of the catalogue kept vanishing while it was opened {} times; try again", directory, kReadAttempts));
}

std::optional<std::string> Catalogue::get(Family family, std::string_view key) const {
  std::string value;
  rocksdb::ColumnFamilyHandle* handle = state_->handle(family);
  const rocksdb::Status status = state_->db->Get(rocksdb::ReadOptions(), handle, rocksdb::Slice(key.data(), key.size()), &value);
  if (status.IsNotFound()) return std::nullopt;
  check(state_->directory, "read the catalogue", status);
  return std::string(open_seal(state_->directory, key, value));
}

void Catalogue::for_each(Family family, std::string_view prefix,
                         const std::function<void(std::string_view, std::string_view)>& visit) const {
  rocksdb::ColumnFamilyHandle* handle = state_->handle(family);
  const std::unique_ptr<rocksdb::Iterator> it(state_->db->NewIterator(rocksdb::ReadOptions(), handle));
  for (it->Seek(rocksdb::Slice(prefix.data(), prefix.size())); it->Valid(); it->Next()) {
    const std::string_view key = it->key().ToStringView();
    if (!key.starts_with(prefix)) break;
    visit(key, open_seal(state_->directory, key, it->value().ToStringView()));
  }
  check(state_->directory, "read the catalogue", it->status());
}

std::vector<std::string> Catalogue::keys(Family family, std::string_view prefix) const {
  std::vector<std::string> keys;
  const std::unique_ptr<rocksdb::Iterator> it(state_->db->NewIterator(rocksdb::ReadOptions(), state_->handle(family)));
  for (it->Seek(rocksdb::Slice(prefix.data(), prefix.size())); it->Valid() && it->key().ToStringView().starts_with(prefix); it->Next())
    keys.emplace_back(it->key().ToStringView());
  check(state_->directory, "read the catalogue", it->status());
  return keys;
}

Counters Catalogue::counters() const {
  const std::string where = state_->directory + ": counters";
  const std::optional<std::string> value = get(Family::kHistory, counters_key());
  if (!value) throw CorruptError(where + ": missing");
  return decode_counters(*value, where);
}

void Catalogue::write(CatalogueBatch&& batch, const Counters& counters) {
  batch.put(Family::kHistory, counters_key(), encode(counters));
  constexpr std::size_t kProtectionBytesPerKey = 8;
  rocksdb::WriteBatch changes(0, 0, kProtectionBytesPerKey, 0);
  for (const auto& [family, key, value] : batch.changes_->changes) {
    rocksdb::ColumnFamilyHandle* handle = state_->handle(family);
    const rocksdb::Status status = value ? changes.Put(handle, key, *value) : changes.Delete(handle, key);
    check(state_->directory, "prepare a batch of the catalogue", status);
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = state_->db->Write(options, &changes);
  if (status.ok()) return state_->remove_old_files();
  if (const rocksdb::Status reopened = state_->open_for_writing(); !reopened.ok())
    fail(state_->directory, fmt::format("open the catalogue again after a failed write ({})", status.ToString()).c_str(), reopened);
  if (this->counters() != counters) fail(state_->directory, "write to the catalogue", status);
}

}  // namespace peer::pool
