#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace peer::streams {

// A token that is cut out of a text before the rest is encoded.
struct AddedToken {
  std::string content;
  std::int32_t token;
  bool takes_space_before, takes_space_behind;
};

// Finds added tokens: the leftmost first, of those that start there the longest.
class AddedTokens {
 public:
  explicit AddedTokens(std::vector<AddedToken> tokens = {});

  // Hands out the text between the tokens (its begin, its end; not empty) and the tokens, in their order.
  void walk(std::string_view text, const std::function<void(std::size_t, std::size_t)>& on_text,
            const std::function<void(std::int32_t)>& on_token) const;

 private:
  const AddedToken* starting(std::string_view text) const;

  std::vector<AddedToken> tokens_;                  // by first byte, the longest first
  std::array<std::uint32_t, 257> first_of_byte_{};  // tokens that start with byte b: [b] to [b + 1]
};

}  // namespace peer::streams
