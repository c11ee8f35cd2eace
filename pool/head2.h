// HEAD2: the last acknowledged batch, outside of RocksDB. Two slots 4 KiB apart, written in turn, so that a torn write spoils one of them
// and the other still tells the batch before. It is read before the catalogue: a catalogue that ends earlier has lost acknowledged work.
//
//   byte 0     slot 0: "PEERHEAD" | sequence i64 | next generation i64 | checksum of the 24 bytes before
//   byte 4096  slot 1: the same; batch s is written to slot s mod 2
#pragma once

#include <array>
#include <optional>
#include <string>

#include "pool/catalogue_keys.h"

namespace peer::pool {

inline constexpr std::int64_t kHeadSlotBytes = 4096;

std::string encode_head_slot(const Counters& counters);
std::optional<Counters> decode_head_slot(std::string_view bytes);  // nullopt when damaged; `bytes` are the slot's first 32

struct HeadSlots {
  std::array<std::optional<Counters>, 2> slots;
  std::array<std::string, 2> bytes;  // of each slot as found, damaged or not
  std::optional<Counters> newest() const;
};

// Whether `bytes` are the slot of `counters` but for a byte's worth of flipped bits.
bool resembles_head_slot(std::string_view bytes, const Counters& counters);

void create_head2(const std::string& path);
HeadSlots read_head_slots(const std::string& path);
// The newest valid slot; CorruptError when there is none.
Counters read_head2(const std::string& path);
// Writes and syncs the slot of this batch.
void write_head2(const std::string& path, const Counters& counters);

}  // namespace peer::pool
