#include "pool/catalogue_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "peer/base/error.h"
#include "pool/byte_codec.h"
#include "pool/row_layout.h"

namespace peer::pool {
namespace {

void append_big_endian(std::string& key, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) key.push_back(static_cast<char>(value >> (8 * i)));
}

void write_content(ByteWriter& out, const Generation& generation) {
  out.text(generation.fingerprint).text(generation.state).u64(generation.tables.size());
  for (const TableInfo& table : generation.tables) {
    const RowLayout& layout = table.layout;
    out.i64(table.block.value).i64(layout.width).i64(layout.rows_per_page).i64(layout.state_floats);
    out.u8(static_cast<std::uint8_t>(layout.element)).i64(table.rows).digest(table.map_root);
  }
  out.u64(generation.trunks.size());
  for (const TrunkInfo& trunk : generation.trunks) out.text(trunk.name).digest(trunk.content).i64(trunk.bytes);
}

constexpr std::uint64_t kTableBytes = 5 * 8 + 1 + 16, kTrunkBytes = 8 + 16 + 8, kPageBytes = 2 * 16 + 8, kDigestBytes = 16;

TableInfo read_table(ByteReader& in) {
  TableInfo table;
  table.block = {in.i64()};
  table.layout.width = in.i64();
  table.layout.rows_per_page = in.i64();
  table.layout.state_floats = in.i64();
  table.layout.element = static_cast<Element>(in.u8());
  table.rows = in.i64();
  table.map_root = in.digest();
  if (const std::string problem = problem_of(table.layout); !problem.empty()) in.fail(problem);
  if (table.block.value < 0) in.fail(fmt::format("expected a block, found {}", table.block.value));
  if (table.rows < 0 || table.rows > kMaxRows) in.fail(fmt::format("rows: expected 0 to {}, found {}", kMaxRows, table.rows));
  return table;
}

TrunkInfo read_trunk(ByteReader& in) {
  TrunkInfo trunk;
  trunk.name = in.text();
  trunk.content = in.digest();
  trunk.bytes = in.i64();
  if (trunk.bytes < 0) in.fail(fmt::format("trunk bytes: expected at least 0, found {}", trunk.bytes));
  return trunk;
}

}  // namespace

std::string counters_key() { return "c"; }

std::string generation_key(GenerationId id) {
  std::string key(kGenerationPrefix);
  append_big_endian(key, static_cast<std::uint64_t>(id.value), 8);
  return key;
}

GenerationId generation_of_key(std::string_view key) {
  std::uint64_t value = 0;
  for (const char c : key.substr(kGenerationPrefix.size())) value = value << 8 | static_cast<unsigned char>(c);
  const GenerationId id{static_cast<std::int64_t>(value)};
  if (!id.valid() || generation_key(id) != key)
    throw CorruptError(fmt::format("catalogue: a generation under a key of {} bytes", key.size()));
  return id;
}

std::string reflog_key(std::int64_t sequence, std::int64_t item) {
  std::string key(kReflogPrefix);
  append_big_endian(key, static_cast<std::uint64_t>(sequence), 8);
  append_big_endian(key, static_cast<std::uint64_t>(item), 2);
  return key;
}

std::string map_key(const Digest& digest) {
  std::string key(kMapPrefix);
  append_big_endian(key, digest.high, 8);
  append_big_endian(key, digest.low, 8);
  return key;
}

std::string ref_key(std::string_view name) { return std::string(kRefPrefix).append(name); }
std::string_view ref_name(std::string_view key) { return key.substr(kRefPrefix.size()); }

std::string encode(const Counters& counters) { return ByteWriter().i64(counters.sequence).i64(counters.next_generation).bytes(); }

std::string encode(const Generation& generation) {
  ByteWriter out;
  out.i64(generation.id.value).i64(generation.parent.value).text(generation.message).text(generation.created);
  write_content(out, generation);
  return out.bytes();
}

std::string encode(const RefLogEntry& entry) {
  ByteWriter out;
  out.i64(entry.sequence).text(entry.ref).text(entry.reason).text(entry.when).i64(entry.from.value).i64(entry.to.value);
  return out.bytes();
}

std::string encode(const MapLeaf& leaf) {
  ByteWriter out;
  out.u64(leaf.pages.size());
  for (const PageVersion& page : leaf.pages) out.digest(page.content).digest(page.state).i64(page.rows);
  return out.bytes();
}

std::string encode(const MapRoot& root) {
  ByteWriter out;
  out.i64(root.pages).u64(root.leaves.size());
  for (const Digest& leaf : root.leaves) out.digest(leaf);
  return out.bytes();
}

std::string encode(GenerationId id) { return ByteWriter().i64(id.value).bytes(); }

Counters decode_counters(std::string_view bytes, const std::string& where) {
  ByteReader in(bytes, where);
  Counters counters;
  counters.sequence = in.i64();
  counters.next_generation = in.i64();
  in.finish();
  if (counters.next_generation < 0 || counters.sequence < counters.next_generation)
    in.fail(fmt::format("{} batches cannot have made {} generations", counters.sequence, counters.next_generation));
  return counters;
}

Generation decode_generation(std::string_view bytes, const std::string& where) {
  ByteReader in(bytes, where);
  Generation generation;
  generation.id = {in.i64()};
  generation.parent = {in.i64()};
  generation.message = in.text();
  generation.created = in.text();
  generation.fingerprint = in.text();
  generation.state = in.text();
  for (std::uint64_t left = in.count(kTableBytes); left > 0; --left) generation.tables.push_back(read_table(in));
  for (std::uint64_t left = in.count(kTrunkBytes); left > 0; --left) generation.trunks.push_back(read_trunk(in));
  in.finish();
  if (generation.id.value < 0 || generation.parent.value < -1 || generation.parent >= generation.id)
    in.fail(fmt::format("generation {} cannot have the parent {}", generation.id.value, generation.parent.value));
  for (std::size_t i = 1; i < generation.tables.size(); ++i)
    if (generation.tables[i - 1].block >= generation.tables[i].block) in.fail("tables out of order");
  for (std::size_t i = 1; i < generation.trunks.size(); ++i)
    if (generation.trunks[i - 1].name >= generation.trunks[i].name) in.fail("trunks out of order");
  generation.content = content_of(generation);
  return generation;
}

RefLogEntry decode_reflog_entry(std::string_view bytes, const std::string& where) {
  ByteReader in(bytes, where);
  RefLogEntry entry;
  entry.sequence = in.i64();
  entry.ref = in.text();
  entry.reason = in.text();
  entry.when = in.text();
  entry.from = {in.i64()};
  entry.to = {in.i64()};
  in.finish();
  if (entry.sequence < 0 || entry.from.value < -1 || entry.to.value < -1) in.fail("expected a sequence number and two generations");
  return entry;
}

MapLeaf decode_map_leaf(std::string_view bytes, const std::string& where) {
  ByteReader in(bytes, where);
  MapLeaf leaf;
  const std::uint64_t pages = in.count(kPageBytes);
  if (pages > static_cast<std::uint64_t>(kPagesPerLeaf)) in.fail(fmt::format("expected at most {} pages, found {}", kPagesPerLeaf, pages));
  for (std::uint64_t left = pages; left > 0; --left) {
    PageVersion page;
    page.content = in.digest();
    page.state = in.digest();
    page.rows = in.i64();
    if (page.rows < 1 || page.rows > kMaxRowsPerPage) in.fail(fmt::format("rows: expected 1 to {}, found {}", kMaxRowsPerPage, page.rows));
    leaf.pages.push_back(page);
  }
  in.finish();
  return leaf;
}

MapRoot decode_map_root(std::string_view bytes, const std::string& where) {
  ByteReader in(bytes, where);
  MapRoot root;
  root.pages = in.i64();
  const std::uint64_t leaves = in.count(kDigestBytes);
  if (root.pages < 0 || root.pages > kMaxRows || (root.pages + kPagesPerLeaf - 1) / kPagesPerLeaf != static_cast<std::int64_t>(leaves))
    in.fail(fmt::format("{} pages cannot lie in {} leaves", root.pages, leaves));
  for (std::uint64_t left = leaves; left > 0; --left) root.leaves.push_back(in.digest());
  in.finish();
  return root;
}

GenerationId decode_generation_id(std::string_view bytes, const std::string& where) {
  ByteReader in(bytes, where);
  const GenerationId id{in.i64()};
  in.finish();
  if (!id.valid()) in.fail(fmt::format("expected a generation, found {}", id.value));
  return id;
}

Digest content_of(const Generation& generation) {
  ByteWriter out;
  write_content(out, generation);
  return digest_of(out.bytes());
}

}  // namespace peer::pool
