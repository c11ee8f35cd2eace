#pragma once

#include "peer/base/options.h"

namespace peer {

// Of the operands of the model's linear maps and of attention and, on CUDA, of the scores of sub-keys (there in two parts, which have 16 of
// fp32's 24 bits) and of the vectors that row gradients are made of; everything else is fp32. bf16 has fp32's range and 8 bits of its 24.
enum class Precision { kFp32, kBf16 };

template <>
struct EnumNames<Precision> {
  static constexpr std::pair<Precision, std::string_view> values[] = {{Precision::kFp32, "fp32"}, {Precision::kBf16, "bf16"}};
};

}  // namespace peer
