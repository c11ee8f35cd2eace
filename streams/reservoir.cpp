#include "streams/reservoir.h"

#include <algorithm>

#include "peer/base/philox.h"

namespace peer::streams {
namespace {

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

Reservoir::Reservoir(std::int64_t bytes, std::uint64_t seed) : Reservoir(bytes, seed, {}, 0) {}

Reservoir::Reservoir(std::int64_t bytes, std::uint64_t seed, std::vector<Document> kept, std::int64_t seen)
    : slots_(static_cast<std::size_t>(std::max<std::int64_t>(1, bytes / kExcerptBytes))), seed_(seed), kept_(std::move(kept)), seen_(seen) {
  if (kept_.size() > slots_) kept_.resize(slots_);
}

void Reservoir::add(const Document& document) {
  for (std::size_t begin = 0; begin < document.text.size();) {
    std::size_t end = std::min(document.text.size(), begin + static_cast<std::size_t>(kExcerptBytes));
    while (end < document.text.size() && end > begin + 1 && continues_a_character(document.text[end])) --end;
    offer({document.text.substr(begin, end - begin), document.where, 0});
    begin = end;
  }
}

void Reservoir::offer(Document excerpt) {
  const auto number = static_cast<std::uint64_t>(seen_++);
  if (kept_.size() < slots_) {
    kept_.push_back(std::move(excerpt));
    return;
  }
  const std::uint64_t slot = Random(seed_, Purpose::kReservoir).below(number, number + 1);
  if (slot < slots_) kept_[slot] = std::move(excerpt);
}

}  // namespace peer::streams
