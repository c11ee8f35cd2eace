#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "peer/base/digest.h"
#include "streams/tokenizer/merge_table.h"
#include "streams/tokenizer/pair_merger.h"
#include "streams/tokenizer/word_cache.h"

namespace peer::streams {

// What a byte-pair encoding is made of. Marks, which no text becomes, are left out.
struct BpeRules {
  struct Pair {
    std::int32_t left, right, merged;
  };
  struct Spelling {
    std::string text;
    std::int32_t token;
  };
  bool byte_level = false;                // a word's first tokens are its bytes', else its characters'
  bool whole_words = false;               // a word that is a token becomes it, whatever the merges
  bool fuse_unknown = false;              // one `unknown` for neighbours without a token
  std::optional<std::int32_t> unknown;    // of a character without a token, which vanishes if there is none
  std::vector<Spelling> vocabulary;       // what a token spells, as bytes if byte_level
  std::vector<Pair> merges;               // first the first
  std::vector<std::int32_t> byte_tokens;  // of each byte of a character without a token; 256 or none
};

// Encodes words. Any number of threads share one.
class BpeModel {
 public:
  // Of one thread at a time.
  struct Scratch {
    WordCache cache;
    PairMerger merger;
    std::vector<std::int32_t> word;
  };

  explicit BpeModel(const BpeRules& rules);

  // Adds the tokens of a word: well-formed UTF-8, not empty.
  void encode(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& tokens) const;
  // Adds the token of a byte that is no part of a character.
  void encode_stray(std::uint8_t byte, std::vector<std::int32_t>& tokens) const;

 private:
  // A character's token (>= 0), or how it does without one.
  static constexpr std::int32_t kUnknown = -1, kByBytes = -2;
  struct Character {
    std::size_t bytes;
    std::int32_t token;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return static_cast<std::size_t>(hash64_of(text.data(), text.size())); }
  };

  Character first_character(std::string_view text) const;
  std::int32_t find(std::string_view text) const;  // kUnknown
  void find_seams(const BpeRules& rules);
  bool is_seam(std::int32_t left, std::int32_t right) const;
  void encode_part(std::string_view part, Scratch& scratch, std::vector<std::int32_t>& tokens) const;
  void spell(std::string_view part, std::vector<std::int32_t>& tokens) const;

  bool byte_level_, whole_words_, fuse_unknown_;
  std::optional<std::int32_t> unknown_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> vocabulary_;
  std::array<std::int32_t, 256> of_byte_;      // the token that spells this byte; byte_level: of all bytes, else of ASCII
  std::array<std::int32_t, 256> byte_tokens_;  // kUnknown for none
  MergeTable merges_;
  // Pairs of characters that some merge puts side by side. Between any other two a long word is cut with the same result, which makes
  // short parts for the cache of a text that has no words, such as SentencePiece's.
  MergeTable joints_;
  bool has_seams_ = true;
};

}  // namespace peer::streams
