#include "pool/head2.h"

#include <fmt/format.h>

#include <bit>

#include "peer/base/error.h"
#include "pool/byte_codec.h"
#include "pool/file_names.h"
#include "pool/file_ops.h"

namespace peer::pool {
namespace {

constexpr std::string_view kMagic = "PEERHEAD";
constexpr std::size_t kSlotUsed = 32;
constexpr int kFewBits = 8;  // the checksums of two batches differ in some 32 bits

}  // namespace

std::string encode_head_slot(const Counters& counters) { return seal(kMagic, std::string(kMagic).append(encode(counters))); }

std::optional<Counters> decode_head_slot(std::string_view bytes) {
  const std::optional<std::string_view> body = unseal(kMagic, bytes);
  if (!body || !body->starts_with(kMagic)) return std::nullopt;
  return decode_counters(body->substr(kMagic.size()), std::string(kHead2File));
}

std::optional<Counters> HeadSlots::newest() const {
  if (slots[0] && slots[1]) return slots[0]->sequence > slots[1]->sequence ? slots[0] : slots[1];
  return slots[0] ? slots[0] : slots[1];
}

bool resembles_head_slot(std::string_view bytes, const Counters& counters) {
  const std::string slot = encode_head_slot(counters);
  if (bytes.size() != slot.size()) return false;
  int flipped = 0;
  for (std::size_t i = 0; i < slot.size(); ++i) flipped += std::popcount(static_cast<unsigned char>(bytes[i] ^ slot[i]));
  return flipped <= kFewBits;
}

void create_head2(const std::string& path) {
  const File file = create_or_open(path);
  truncate(file, 2 * kHeadSlotBytes);
  const std::string slot = encode_head_slot(Counters{});
  for (const std::int64_t offset : {std::int64_t{0}, kHeadSlotBytes}) write_at(file, offset, std::as_bytes(std::span(slot)));
  sync(file);
}

HeadSlots read_head_slots(const std::string& path) {
  HeadSlots head;
  if (!exists(path)) return head;
  const File file = open_for_reading(path);
  for (std::size_t i = 0; i < 2; ++i) {
    head.bytes[i] = read_at(file, static_cast<std::int64_t>(i) * kHeadSlotBytes, kSlotUsed);
    head.slots[i] = decode_head_slot(head.bytes[i]);
    // A slot copied over the other would hide the newest batch.
    if (head.slots[i] && head.slots[i]->sequence != 0 && head.slots[i]->sequence % 2 != static_cast<std::int64_t>(i)) head.slots[i].reset();
  }
  return head;
}

Counters read_head2(const std::string& path) {
  const std::optional<Counters> newest = read_head_slots(path).newest();
  if (!newest) throw CorruptError(fmt::format("{}: expected a valid slot, found both damaged; restore it from a copy of the pool", path));
  return *newest;
}

void write_head2(const std::string& path, const Counters& counters) {
  const File file = open_for_update(path);
  const std::string slot = encode_head_slot(counters);
  write_at(file, counters.sequence % 2 * kHeadSlotBytes, std::as_bytes(std::span(slot)));
  sync_data(file);
}

}  // namespace peer::pool
