#include "pool/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "pool/file_ops.h"
#include "pool/page_file.h"
#include "pool/page_map.h"
#include "pool/pool_state.h"
#include "pool/prune.h"
#include "pool/recovery.h"
#include "pool/refs.h"
#include "pool/trunk_file.h"
#include "pool/verify.h"

namespace peer::pool {

const TableInfo* Generation::table(BlockId block) const {
  const auto found = std::ranges::find(tables, block, &TableInfo::block);
  return found == tables.end() ? nullptr : &*found;
}

const TrunkInfo* Generation::trunk(std::string_view name) const {
  const auto found = std::ranges::find(trunks, name, &TrunkInfo::name);
  return found == trunks.end() ? nullptr : &*found;
}

Pool::Pool(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pool::Pool(Pool&&) noexcept = default;
Pool& Pool::operator=(Pool&&) noexcept = default;
Pool::~Pool() = default;

Pool Pool::create(const std::string& path) {
  create_pool(path);
  return open(path, Access::kWrite);
}

Pool Pool::open(const std::string& path, Access access) { return Pool(std::unique_ptr<State>(new State{open_store(path, access)})); }

const std::string& Pool::path() const { return state_->store->path; }
bool Pool::empty() const { return generations().empty(); }
GenerationId Pool::resolve(std::string_view ref) const { return resolve_ref(state_->store->catalogue, ref); }
std::optional<GenerationId> Pool::ref(std::string_view name) const { return find_ref(state_->store->catalogue, name); }
Generation Pool::generation(GenerationId id) const { return read_generation(state_->store->catalogue, id); }
std::vector<GenerationId> Pool::generations() const { return all_generations(state_->store->catalogue); }
std::vector<std::pair<std::string, GenerationId>> Pool::refs() const { return all_refs(state_->store->catalogue); }
std::vector<RefLogEntry> Pool::reflog() const { return read_reflog(state_->store->catalogue); }

namespace {

const TableInfo& table_of(const Generation& generation, BlockId block, PageIndex page) {
  const TableInfo* table = generation.table(block);
  require(table != nullptr, "pool: the generation must have the block");
  require(page.valid() && page.value < table->page_count(), "pool: the page must lie in the table");
  return *table;
}

}  // namespace

PageVersion Pool::page_version(const Generation& generation, BlockId block, PageIndex page) const {
  return find_page(state_->store->catalogue, table_of(generation, block, page).map_root, page.value);
}

MappedPage Pool::page(const Generation& generation, BlockId block, PageIndex page) const {
  const PageVersion version = page_version(generation, block, page);
  const SealedName name{SealedKind::kPage, version.content};
  std::shared_ptr<const MappedFile> file = state_->store->sealed.open(name);
  const std::int64_t bytes = version.rows * table_of(generation, block, page).layout.row_bytes();
  const std::byte* data = data_of(*file, bytes, state_->store->sealed.path_of(name)).data();
  return {data, version.rows, std::move(file)};
}

std::vector<float> Pool::page_state(const Generation& generation, BlockId block, PageIndex page) const {
  const PageVersion version = page_version(generation, block, page);
  if (version.state.empty()) return {};
  const SealedName name{SealedKind::kState, version.state};
  const std::shared_ptr<const MappedFile> file = state_->store->sealed.open(name);
  const std::int64_t count = version.rows * table_of(generation, block, page).layout.state_floats;
  const auto bytes = data_of(*file, count * static_cast<std::int64_t>(sizeof(float)), state_->store->sealed.path_of(name));
  std::vector<float> state(static_cast<std::size_t>(count));
  std::memcpy(state.data(), bytes.data(), bytes.size());
  return state;
}

std::map<std::string, MappedTensor> Pool::mapped_trunk(const TrunkInfo& info) const {
  const SealedName name{SealedKind::kTrunk, info.content};
  return read_trunk_file(state_->store->sealed.open(name), state_->store->sealed.path_of(name));
}

std::map<std::string, Tensor> Pool::trunk(const TrunkInfo& info) const {
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, mapped] : mapped_trunk(info)) {
    Tensor& tensor = tensors[name] = {mapped.shape, std::vector<float>(mapped.numbers.size() / sizeof(float))};
    if (!mapped.numbers.empty()) std::memcpy(tensor.values.data(), mapped.numbers.data(), mapped.numbers.size());
  }
  return tensors;
}

std::optional<std::string> Pool::record(std::string_view key) const { return state_->store->catalogue.get(Family::kRecords, key); }

void Pool::for_each_record(std::string_view prefix, const std::function<void(std::string_view, std::string_view)>& visit) const {
  state_->store->catalogue.for_each(Family::kRecords, prefix, visit);
}

namespace {

Counters next_batch(const Store& store) { return {store.counters.sequence + 1, store.counters.next_generation}; }

void change_ref(Store& store, std::string_view name, GenerationId to, const std::string& reason) {
  const Counters next = next_batch(store);
  CatalogueBatch batch;
  stage_ref_change(store.catalogue, {next.sequence, std::string(name), reason, utc_now(), {}, to}, 0, batch);
  store.write(std::move(batch), next);
}

}  // namespace

void Pool::require_room(std::int64_t bytes) const { require_free_space(path(), bytes); }

void Pool::put_records(const std::vector<std::pair<std::string, std::string>>& records) {
  CatalogueBatch batch;
  for (const auto& [key, value] : records) batch.put(Family::kRecords, key, value);
  state_->store->write(std::move(batch), next_batch(*state_->store));
}

void Pool::move_ref(std::string_view name, GenerationId to, const std::string& reason) {
  state_->store->require_writer();
  check_ref_name(name);
  if (!to.valid() || !state_->store->catalogue.get(Family::kHistory, generation_key(to)))
    throw UsageError(fmt::format("there is no generation g{} to point '{}' to", to.value, name));
  change_ref(*state_->store, name, to, reason);
}

void Pool::delete_ref(std::string_view name, const std::string& reason) {
  state_->store->require_writer();
  if (!find_ref(state_->store->catalogue, name)) throw UsageError(fmt::format("there is no ref '{}' to delete", name));
  change_ref(*state_->store, name, GenerationId{}, reason);
}

VerifyReport Pool::verify(const std::function<void(std::int64_t, std::int64_t)>& progress) const {
  return pool::verify(*state_->store, progress);
}

PruneReport Pool::prune(const std::function<bool(const Generation&)>& superseded, Removal removal) {
  return pool::prune(*state_->store, superseded, removal);
}

std::int64_t Pool::bytes_on_disk() const {
  std::int64_t bytes = 0;
  std::error_code gone;  // files come and go beside a writer
  for (auto it = std::filesystem::recursive_directory_iterator(path(), gone); !gone && it != std::filesystem::end(it); it.increment(gone)) {
    std::error_code ignored;
    const auto size = it->is_regular_file(ignored) ? it->file_size(ignored) : 0;
    if (!ignored) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

}  // namespace peer::pool
