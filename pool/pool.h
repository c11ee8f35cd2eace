// The pool facade: a directory of generations. Nothing here knows what a model is; across this seam go ids, fixed-width rows, named
// dense tensors, small keyed records and one opaque state text.
//
//   Pool pool = Pool::open(path, Access::kRead);
//   const Generation head = pool.generation(pool.resolve("head"));
//   MappedPage page = pool.page(head, {block}, {0});
//
//   Transaction t = writer.begin(head.id);
//   t.set_table(block, layout, rows);  t.put_page(block, page, rows, state);  t.put_trunk("base", tensors);  t.set_state(text);
//   GenerationId id = t.commit("head", "stream cpp");      // the eight steps of pool/commit.cpp
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "peer/base/digest.h"
#include "peer/base/element.h"
#include "peer/base/ids.h"

namespace peer::pool {

// What is written for an expert. All pages of a block share it.
struct RowLayout {
  std::int64_t width = 0;             // D
  std::int64_t rows_per_page = 4096;  // a power of two
  std::int64_t state_floats = 0;      // floats of optimizer state a row, in a file of its own (4D+1: m, v, step count)
  Element element = Element::kFloat32;
  std::int64_t row_bytes() const { return 2 * width * bytes_of(element); }  // [down | up]
  friend bool operator==(const RowLayout&, const RowLayout&) = default;
};

// One version of a page: immutable, named by its content. state: empty when frozen.
struct PageVersion {
  Digest content;
  Digest state;
  std::int64_t rows = 0;
  friend bool operator==(const PageVersion&, const PageVersion&) = default;
};

struct TableInfo {
  BlockId block;
  RowLayout layout;
  std::int64_t rows = 0;  // experts in the block
  Digest map_root;        // the block's page map, content-addressed
  std::int64_t page_count() const { return (rows + layout.rows_per_page - 1) / layout.rows_per_page; }
};

// A sealed file of named dense tensors.
struct TrunkInfo {
  std::string name;  // "base", "g3", "base.moments": chosen by the caller
  Digest content;
  std::int64_t bytes = 0;
};

struct Generation {
  GenerationId id;      // sequence number: order of commits in this pool, never reused
  GenerationId parent;  // invalid for the first
  Digest content;       // of everything below but time and message: the same work gives the same digest
  std::string message;
  std::string created;                                  // UTC, ISO 8601; for people only, never for order
  std::string fingerprint;                              // of the options it was made with
  std::string state;                                    // opaque to the pool
  std::vector<TableInfo> tables;                        // by block
  std::vector<TrunkInfo> trunks;                        // by name
  const TableInfo* table(BlockId block) const;          // nullptr when absent
  const TrunkInfo* trunk(std::string_view name) const;  // nullptr when absent
};

// Read-only memory of a sealed page file: rows * [down | up]. The owner keeps the map alive.
struct MappedPage {
  const std::byte* data = nullptr;
  std::int64_t rows = 0;
  std::shared_ptr<const void> owner;
};

// A dense tensor, row-major fp32.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};
// The same where it lies in a trunk file: read-only memory, not aligned. The owner keeps the map alive.
struct MappedTensor {
  std::vector<std::int64_t> shape;
  std::span<const std::byte> numbers;
  std::shared_ptr<const void> owner;
};
// A tensor to be written: borrowed.
struct TensorView {
  std::string name;
  std::vector<std::int64_t> shape;
  const float* values = nullptr;
};

enum class Access { kRead, kWrite };

struct RefLogEntry {
  std::int64_t sequence = 0;
  std::string ref, reason, when;
  GenerationId from, to;
};

struct Damage {
  std::string file;     // relative to the pool
  std::string problem;  // what was expected, what was found
};
struct VerifyReport {
  std::int64_t files = 0, bytes = 0, generations = 0;
  std::vector<Damage> damage;
  std::vector<Damage> notes;   // damage that costs nothing: a second copy holds
  std::vector<Damage> unread;  // files that the system would not read: their bytes may be sound
};

// What prune removed, or would remove.
enum class Removal { kNo, kYes };
struct PruneReport {
  std::int64_t generations = 0, files = 0, bytes = 0;
  std::vector<Generation> removed;  // rising
};

// What a commit wrote.
struct CommitReport {
  GenerationId id;
  std::int64_t files_written = 0, bytes_written = 0, pages_shared = 0;
};

class Transaction;

// One writer (LockedError names the holder), any number of readers. Move-only.
class Pool {
 public:
  // IoError when something already exists at `path`, but for an empty directory.
  static Pool create(const std::string& path);
  // IoError when there is no pool, CorruptError when FORMAT or HEAD2 is damaged, LockedError when another process writes.
  static Pool open(const std::string& path, Access access);
  Pool(Pool&&) noexcept;
  Pool& operator=(Pool&&) noexcept;
  ~Pool();

  const std::string& path() const;
  bool empty() const;  // no generation yet

  // "head", a tag, "g12", "12", "head~2" (second parent up), or a unique prefix of a content digest (4+ digits).
  // UsageError with the nearest names when there is none.
  GenerationId resolve(std::string_view ref) const;
  std::optional<GenerationId> ref(std::string_view name) const;
  Generation generation(GenerationId id) const;
  std::vector<GenerationId> generations() const;  // rising
  std::vector<std::pair<std::string, GenerationId>> refs() const;
  std::vector<RefLogEntry> reflog() const;  // newest first

  // page: checks the file's digest once per process, then maps it. CorruptError names the file.
  MappedPage page(const Generation& generation, BlockId block, PageIndex page) const;
  PageVersion page_version(const Generation& generation, BlockId block, PageIndex page) const;
  std::vector<float> page_state(const Generation& generation, BlockId block, PageIndex page) const;  // rows*state_floats; empty when frozen
  std::map<std::string, Tensor> trunk(const TrunkInfo& info) const;
  std::map<std::string, MappedTensor> mapped_trunk(const TrunkInfo& info) const;  // which copies nothing

  // Small keyed records (held-out documents, their scores, costs): written with a commit or alone, in one synced batch either way.
  std::optional<std::string> record(std::string_view key) const;
  // Every record whose key starts with `prefix`, in key order.
  void for_each_record(std::string_view prefix, const std::function<void(std::string_view key, std::string_view value)>& visit) const;
  void put_records(const std::vector<std::pair<std::string, std::string>>& records);

  // IoError unless a commit of so many bytes would find room on the disk.
  void require_room(std::int64_t bytes) const;
  Transaction begin(GenerationId parent);  // invalid parent: the first generation

  // Moves or makes a ref, with a reflog record in the same synced batch. Constant time.
  void move_ref(std::string_view name, GenerationId to, const std::string& reason);
  void delete_ref(std::string_view name, const std::string& reason);

  // Checks every checksum and every reference of every generation. Never throws for damage: reports it.
  VerifyReport verify(const std::function<void(std::int64_t done, std::int64_t total)>& progress = {}) const;

  // Removes the generations for which `superseded` is true, unless a ref points to one or a generation that stays grew on it, and every
  // sealed file that no generation refers to. Crash-safe: what is left over goes the next time. A reader that holds a removed generation
  // open keeps what it has mapped, and finds the rest missing.
  PruneReport prune(const std::function<bool(const Generation&)>& superseded, Removal removal);

  std::int64_t bytes_on_disk() const;

 private:
  friend class Transaction;
  struct State;
  explicit Pool(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// What the next generation will hold. Starts as its parent: only changes are put. Nothing is visible before commit returns, and
// dropping a transaction leaves only stray files that a later commit or verify may remove.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  ~Transaction();

  // Declares a block, or its new number of rows (never fewer). Every page of new rows must then be put.
  void set_table(BlockId block, const RowLayout& layout, std::int64_t rows);
  // Writes one page version: `rows` (page rows * 2D floats, as fp32, converted to the layout's element), `state` empty when frozen.
  // A page whose bytes are those of a sealed file costs no write.
  void put_page(BlockId block, PageIndex page, std::span<const float> rows, std::span<const float> state = {});
  void drop_page_state(BlockId block, PageIndex page);  // frozen from now on: keeps the content, forgets the optimizer's state
  void drop_table(BlockId block);
  void put_trunk(const std::string& name, const std::vector<TensorView>& tensors);
  void drop_trunk(const std::string& name);
  void set_state(std::string text);
  void set_fingerprint(std::string fingerprint);
  void put_record(std::string key, std::string value);

  // The eight steps. `ref` (usually "head") then points to the new generation; `also_delete_ref`, when given, is gone in the same batch.
  CommitReport commit(std::string_view ref, const std::string& message, std::string_view also_delete_ref = {});

 private:
  friend class Pool;
  struct State;
  explicit Transaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace peer::pool
