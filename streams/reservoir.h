// A uniform sample of a stream in bounded memory (algorithm R, Vitter 1985): of n excerpts that came, each is kept with probability M/n.
#pragma once

#include <cstdint>
#include <vector>

#include "streams/document.h"

namespace peer::streams {

class Reservoir {
 public:
  static constexpr std::int64_t kExcerptBytes = 2048;

  // At most `bytes` of text: M = bytes / kExcerptBytes slots, at least one. Deterministic in seed.
  Reservoir(std::int64_t bytes, std::uint64_t seed);
  // Goes on with what an earlier one kept after `seen` excerpts. Kept excerpts beyond M are dropped, the last first.
  Reservoir(std::int64_t bytes, std::uint64_t seed, std::vector<Document> kept, std::int64_t seen);

  // Cuts the text at characters into excerpts of at most kExcerptBytes and offers each.
  void add(const Document& document);

  const std::vector<Document>& kept() const { return kept_; }
  std::int64_t seen() const { return seen_; }  // excerpts offered so far

 private:
  void offer(Document excerpt);

  std::size_t slots_;
  std::uint64_t seed_;
  std::vector<Document> kept_;
  std::int64_t seen_ = 0;
};

}  // namespace peer::streams
