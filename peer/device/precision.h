#pragma once

#include "peer/base/options.h"

namespace peer {

// Of the operands of the model's linear maps and, on CUDA, of attention; everything else is fp32. bf16 has fp32's range and 8 bits of
// its 24.
enum class Precision { kFp32, kBf16 };

template <>
struct EnumNames<Precision> {
  static constexpr std::pair<Precision, std::string_view> values[] = {{Precision::kFp32, "fp32"}, {Precision::kBf16, "bf16"}};
};

}  // namespace peer
