#pragma once

#include "peer/base/options.h"

namespace peer::layers {

// What attention does to each head's query and key before they are rotated: nothing, or an RMS norm with weights of its own (Qwen3).
enum class QueryKeyNorm { kNone, kRms };

}  // namespace peer::layers

namespace peer {
template <>
struct EnumNames<layers::QueryKeyNorm> {
  using enum layers::QueryKeyNorm;
  static constexpr std::pair<layers::QueryKeyNorm, std::string_view> values[] = {{kNone, "none"}, {kRms, "rms"}};
};
}  // namespace peer
