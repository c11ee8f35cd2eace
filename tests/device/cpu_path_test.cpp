#include "peer/device/cpu_path.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "peer/device/context.h"
#include "tests/support/catch.h"

using namespace peer;

namespace {

// Sets PEER_CPU_PATH, and at the end gives it the value it had.
class Wanted {
 public:
  explicit Wanted(const char* path) {
    if (const char* text = std::getenv("PEER_CPU_PATH")) before_ = text;
    ::setenv("PEER_CPU_PATH", path, 1);
  }
  Wanted(const Wanted&) = delete;
  ~Wanted() { before_ ? ::setenv("PEER_CPU_PATH", before_->c_str(), 1) : ::unsetenv("PEER_CPU_PATH"); }

 private:
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("a context takes the fastest CPU path of this machine unless PEER_CPU_PATH names another") {
  const std::vector<CpuPath> paths = runnable_cpu_paths();
  REQUIRE_FALSE(paths.empty());
  CHECK(std::is_sorted(paths.begin(), paths.end()));
  {
    const Wanted none("");
    CHECK(Context().cpu_path() == paths.back());
  }
  for (const CpuPath path : paths) {
    const Wanted wanted(to_text(path).c_str());
    CHECK(Context().cpu_path() == path);
  }
}

TEST_CASE("a CPU path that does not exist is a UsageError, one that is not here a DeviceError") {
  const Wanted typo("avx521");
  CHECK_THROWS_AS(Context(), UsageError);
  for (const auto& [path, name] : EnumNames<CpuPath>::values) {
    if (is_runnable(path)) continue;
    const Wanted absent(std::string(name).c_str());
    CHECK_THROWS_AS(Context(), DeviceError);
    CHECK_THROWS_AS(Context(Device{}, 1, path), ContractError);
  }
}
