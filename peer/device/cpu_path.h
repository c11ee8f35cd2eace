// The CPU twins are compiled once for each of several instruction sets, from the same sources: one program runs at full speed on this
// machine and runs at all on an older one. Which of these paths an op takes is a property of its Context.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "peer/base/options.h"

namespace peer {

enum class CpuPath {  // from slow to fast
  kPortable,          // what the compiler assumes of every machine of its kind: SSE2, NEON
  kAvx2,              // x86-64-v3
  kAvx512,            // x86-64-v4
  kAvx512Bf16,        // and products of bf16
  kNative,            // the machine that built the program; the only path of such a build
};
template <>
struct EnumNames<CpuPath> {
  static constexpr std::pair<CpuPath, std::string_view> values[] = {{CpuPath::kPortable, "portable"},
                                                                    {CpuPath::kAvx2, "avx2"},
                                                                    {CpuPath::kAvx512, "avx512"},
                                                                    {CpuPath::kAvx512Bf16, "avx512bf16"},
                                                                    {CpuPath::kNative, "native"}};
};

// Whether this build has the path (CMake: PEER_CPU_PATHS, here as one bit for each).
constexpr bool built_with(CpuPath path) { return (PEER_CPU_PATHS >> static_cast<int>(path) & 1) != 0; }

// Whether it also runs on this machine; and all that do, each faster than the one before.
bool is_runnable(CpuPath path);
std::vector<CpuPath> runnable_cpu_paths();

// The fastest of them, or the one that the environment variable PEER_CPU_PATH names. Throws UsageError when nothing is called so,
// DeviceError when this build or this machine does not have it.
CpuPath chosen_cpu_path();

}  // namespace peer
