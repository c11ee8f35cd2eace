// Keys and values of the catalogue. A key starts with the letter of its kind; numbers in keys are big-endian, so that key order is number
// order. docs/pool-format.md has the table.
//
//   "c"                          counters
//   "g" generation (8)           generation
//   "l" sequence (8) item (2)    reflog entry
//   "m" digest (16)              page of a page map
//   "r" name                     ref
//
// A decoder takes the bytes of one value and throws CorruptError, with `where` in front, for anything that no encoder made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pool/pool.h"

namespace peer::pool {

// The counters of a pool. Stored with every batch and in HEAD2: a catalogue that is behind HEAD2 has lost acknowledged work.
struct Counters {
  std::int64_t sequence = 0;         // synced batches so far
  std::int64_t next_generation = 0;  // the id of the next commit
  friend bool operator==(const Counters&, const Counters&) = default;
};

// The two levels of a page map. Both are stored under the digest of their encoding.
inline constexpr std::int64_t kPagesPerLeaf = 256;
struct MapLeaf {
  std::vector<PageVersion> pages;  // kPagesPerLeaf, fewer in the last leaf
};
struct MapRoot {
  std::int64_t pages = 0;
  std::vector<Digest> leaves;
};

inline constexpr std::string_view kGenerationPrefix = "g";
inline constexpr std::string_view kReflogPrefix = "l";
inline constexpr std::string_view kMapPrefix = "m";
inline constexpr std::string_view kRefPrefix = "r";

std::string counters_key();
std::string generation_key(GenerationId id);
GenerationId generation_of_key(std::string_view key);  // CorruptError
std::string reflog_key(std::int64_t sequence, std::int64_t item);
std::string map_key(const Digest& digest);
std::string ref_key(std::string_view name);
std::string_view ref_name(std::string_view key);

std::string encode(const Counters& counters);
std::string encode(const Generation& generation);  // all but content, which is a digest of a part of it
std::string encode(const RefLogEntry& entry);
std::string encode(const MapLeaf& leaf);
std::string encode(const MapRoot& root);
std::string encode(GenerationId id);

Counters decode_counters(std::string_view bytes, const std::string& where);
Generation decode_generation(std::string_view bytes, const std::string& where);
RefLogEntry decode_reflog_entry(std::string_view bytes, const std::string& where);
MapLeaf decode_map_leaf(std::string_view bytes, const std::string& where);
MapRoot decode_map_root(std::string_view bytes, const std::string& where);
GenerationId decode_generation_id(std::string_view bytes, const std::string& where);

// Of fingerprint, state, tables and trunks: what a generation is, apart from its place in history.
Digest content_of(const Generation& generation);

}  // namespace peer::pool
