#pragma once

#include "peer/base/options.h"

namespace peer::layers {

// Which of the four maps of attention have a bias: none (Llama), query, key and value (Qwen2), or the output too.
enum class AttentionBias { kNone, kQkv, kQkvo };

}  // namespace peer::layers

namespace peer {
template <>
struct EnumNames<layers::AttentionBias> {
  using enum layers::AttentionBias;
  static constexpr std::pair<layers::AttentionBias, std::string_view> values[] = {{kNone, "none"}, {kQkv, "qkv"}, {kQkvo, "qkvo"}};
};
}  // namespace peer
