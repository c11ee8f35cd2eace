#include "streams/tokenizer/added_tokens.h"

#include <algorithm>

namespace peer::streams {
namespace {

// Unicode's White_Space.
constexpr std::string_view kWhiteSpace[] = {"\t",           "\n",           "\v",           "\f",           "\r",           " ",
                                            "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
                                            "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
                                            "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
                                            "\xE3\x80\x80"};

std::size_t space_behind(std::string_view text, std::size_t from) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view space : kWhiteSpace)
      if (text.substr(from).starts_with(space)) from += space.size(), found = true;
  }
  return from;
}

std::size_t space_before(std::string_view text, std::size_t from, std::size_t least) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view space : kWhiteSpace)
      if (text.substr(least, from - least).ends_with(space)) from -= space.size(), found = true;
  }
  return from;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const AddedToken& token) { return token.content.empty(); });
  const auto byte = [](const AddedToken& token) { return static_cast<unsigned char>(token.content[0]); };
  std::stable_sort(tokens_.begin(), tokens_.end(), [&](const AddedToken& a, const AddedToken& b) {
    return byte(a) != byte(b) ? byte(a) < byte(b) : a.content.size() > b.content.size();
  });
  for (const AddedToken& token : tokens_) ++first_of_byte_[byte(token) + std::size_t{1}];
  for (std::size_t b = 1; b < first_of_byte_.size(); ++b) first_of_byte_[b] += first_of_byte_[b - 1];
}

const AddedToken* AddedTokens::starting(std::string_view text) const {
  const auto byte = static_cast<unsigned char>(text[0]);
  for (std::size_t i = first_of_byte_[byte]; i < first_of_byte_[byte + std::size_t{1}]; ++i)
    if (text.starts_with(tokens_[i].content)) return &tokens_[i];
  return nullptr;
}

void AddedTokens::walk(std::string_view text, const std::function<void(std::size_t, std::size_t)>& on_text,
                       const std::function<void(std::int32_t)>& on_token) const {
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size() && !tokens_.empty();) {
    const AddedToken* token = starting(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    const std::size_t behind = at + token->content.size();
    const std::size_t begin = token->takes_space_before ? space_before(text, at, std::min(done, at)) : at;
    if (done < begin) on_text(done, begin);
    on_token(token->token);
    done = token->takes_space_behind ? space_behind(text, behind) : behind;
    at = behind;
  }
  if (done < text.size()) on_text(done, text.size());
}

}  // namespace peer::streams
