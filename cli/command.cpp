#include "cli/command.h"

#include <fmt/format.h>

#include "cli/thread_limit.h"
#include "peer/base/error.h"
#include "peer/device/context.h"

namespace peer::cli {

Device Call::device() const {
  constexpr int kBesideThreads = 4;  // three of an open catalogue, and the one of a commit beside the steps
  require_threads(Context({}, static_cast<int>(common.threads)).threads(), kBesideThreads);
  if (common.device != kAutoDevice) return parse_device(common.device);
  const Device cuda = parse_device("cuda");
  try {
    const Context ctx(cuda);
    return cuda;
  } catch (const DeviceError& error) {
    const std::string why = error.what();
    progress.note(fmt::format("computes on the CPU: {}", why.substr(0, why.find("; try"))));
    return {};
  }
}

}  // namespace peer::cli
