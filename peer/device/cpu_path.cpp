#include "peer/device/cpu_path.h"

#include <cstdlib>

#include <fmt/format.h>

namespace peer {
namespace {

// The processor's features as far as the operating system saves their registers.
bool machine_has(CpuPath path) {
#if defined(__x86_64__)
  if (path == CpuPath::kAvx2) return __builtin_cpu_supports("x86-64-v3") != 0;
  if (path == CpuPath::kAvx512) return __builtin_cpu_supports("x86-64-v4") != 0;
  if (path == CpuPath::kAvx512Bf16) return __builtin_cpu_supports("x86-64-v4") != 0 && __builtin_cpu_supports("avx512bf16") != 0;
#endif
  return path == CpuPath::kPortable || path == CpuPath::kNative;
}

}  // namespace

bool is_runnable(CpuPath path) { return built_with(path) && machine_has(path); }

std::vector<CpuPath> runnable_cpu_paths() {
  std::vector<CpuPath> paths;
  for (const auto& [path, name] : EnumNames<CpuPath>::values)
    if (is_runnable(path)) paths.push_back(path);
  return paths;
}

CpuPath chosen_cpu_path() {
  constexpr const char* kVariable = "PEER_CPU_PATH";
  const char* wanted = std::getenv(kVariable);
  if (wanted == nullptr || *wanted == '\0') {
    const std::vector<CpuPath> paths = runnable_cpu_paths();
    if (paths.empty()) throw DeviceError("this program was built for other processors: none of its CPU paths runs here");
    return paths.back();
  }
  CpuPath path{};
  parse_text(kVariable, wanted, path);
  if (!is_runnable(path))
    throw DeviceError(fmt::format("{}={}: this {} does not have it; without the variable the fastest path is taken", kVariable, wanted,
                                  built_with(path) ? "machine" : "build"));
  return path;
}

}  // namespace peer
