#include "streams/tokenizer/bpe_model.h"

#include <algorithm>

namespace peer::streams {
namespace {

// Of well-formed UTF-8, by its first byte.
std::size_t character_bytes(char first) {
  const auto lead = static_cast<unsigned char>(first);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

std::string_view first_of(std::string_view text, bool byte_level) { return text.substr(0, byte_level ? 1 : character_bytes(text[0])); }

std::string_view last_of(std::string_view text, bool byte_level) {
  std::size_t begin = text.size() - 1;
  while (!byte_level && begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return text.substr(begin);
}

}  // namespace

BpeModel::BpeModel(const BpeRules& rules)
    : byte_level_(rules.byte_level),
      whole_words_(rules.whole_words),
      fuse_unknown_(rules.fuse_unknown),
      unknown_(rules.unknown),
      merges_(rules.merges.size()),
      joints_(rules.merges.size()) {
  of_byte_.fill(kUnknown);
  byte_tokens_.fill(kUnknown);
  std::copy(rules.byte_tokens.begin(), rules.byte_tokens.end(), byte_tokens_.begin());
  vocabulary_.reserve(rules.vocabulary.size());
  for (const auto& [text, token] : rules.vocabulary) {
    vocabulary_.emplace(text, token);
    if (text.size() == 1) of_byte_[static_cast<unsigned char>(text[0])] = token;
  }
  std::int32_t rank = 0;
  for (const auto& [left, right, merged] : rules.merges) merges_.set(left, right, {rank++, merged});
  find_seams(rules);
}

void BpeModel::find_seams(const BpeRules& rules) {
  std::unordered_map<std::int32_t, std::string_view> text_of;
  for (const auto& [text, token] : rules.vocabulary) text_of.emplace(token, text);
  for (const auto& [left, right, merged] : rules.merges) {
    for (const std::int32_t token : {left, right, merged})
      // Such a token stands for other characters than it spells.
      if (token == unknown_ || std::find(byte_tokens_.begin(), byte_tokens_.end(), token) != byte_tokens_.end()) has_seams_ = false;
    const std::string_view before = text_of[left], behind = text_of[right];
    if (before.empty() || behind.empty()) continue;
    const std::int32_t last = find(last_of(before, byte_level_)), first = find(first_of(behind, byte_level_));
    if (last >= 0 && first >= 0) joints_.set(last, first, {});
  }
}

void BpeModel::encode(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& tokens) const {
  if (whole_words_)
    if (const std::int32_t token = find(word); token >= 0) return tokens.push_back(token);
  if (!has_seams_ || word.size() <= WordCache::kMaxWordBytes) return encode_part(word, scratch, tokens);
  std::size_t begin = 0;
  Character last = first_character(word);
  for (std::size_t at = last.bytes; at < word.size(); at += last.bytes) {
    const Character character = first_character(word.substr(at));
    if (is_seam(last.token, character.token)) {
      encode_part(word.substr(begin, at - begin), scratch, tokens);
      begin = at;
    }
    last = character;
  }
  encode_part(word.substr(begin), scratch, tokens);
}

void BpeModel::encode_stray(std::uint8_t byte, std::vector<std::int32_t>& tokens) const {
  const std::int32_t token = byte_level_ ? of_byte_[byte] : byte_tokens_[byte];
  if (token >= 0)
    tokens.push_back(token);
  else if (unknown_)
    tokens.push_back(*unknown_);
}

std::int32_t BpeModel::find(std::string_view text) const {
  const auto found = vocabulary_.find(text);
  return found == vocabulary_.end() ? kUnknown : found->second;
}

BpeModel::Character BpeModel::first_character(std::string_view text) const {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t bytes = byte_level_ ? 1 : character_bytes(text[0]);
  const std::int32_t token = bytes == 1 ? of_byte_[lead] : find(text.substr(0, bytes));
  if (token >= 0) return {bytes, token};
  const std::string_view character = text.substr(0, bytes);
  const bool by_bytes = std::all_of(character.begin(), character.end(), [&](unsigned char byte) { return byte_tokens_[byte] >= 0; });
  return {bytes, by_bytes ? kByBytes : kUnknown};
}

// Next to an unknown character there is none: it may fuse with its neighbour, or vanish between two that merge then.
bool BpeModel::is_seam(std::int32_t left, std::int32_t right) const {
  if (left == kUnknown || right == kUnknown) return false;
  return left == kByBytes || right == kByBytes || joints_.find(left, right) == nullptr;
}

void BpeModel::encode_part(std::string_view part, Scratch& scratch, std::vector<std::int32_t>& tokens) const {
  const bool cached = part.size() <= WordCache::kMaxWordBytes;
  if (cached) {
    if (const auto found = scratch.cache.find(part); !found.empty()) {
      tokens.insert(tokens.end(), found.begin(), found.end());
      return;
    }
  }
  scratch.word.clear();
  spell(part, scratch.word);
  scratch.merger.merge(scratch.word, merges_);
  tokens.insert(tokens.end(), scratch.word.begin(), scratch.word.end());
  if (cached) scratch.cache.keep(part, scratch.word);
}

void BpeModel::spell(std::string_view part, std::vector<std::int32_t>& tokens) const {
  bool unknown = false;  // not yet added, for the next one may fuse with it
  const auto add_unknown = [&] {
    if (unknown) tokens.push_back(*unknown_);
    unknown = false;
  };
  while (!part.empty()) {
    const Character character = first_character(part);
    if (character.token >= 0) {
      add_unknown();
      tokens.push_back(character.token);
    } else if (character.token == kByBytes) {
      add_unknown();
      for (const unsigned char byte : part.substr(0, character.bytes)) tokens.push_back(byte_tokens_[byte]);
    } else if (unknown_) {
      if (!fuse_unknown_) add_unknown();
      unknown = true;
    }
    part.remove_prefix(character.bytes);
  }
  add_unknown();
}

}  // namespace peer::streams
