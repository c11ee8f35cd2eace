#include "cli/command.h"

#include <fmt/format.h>

#include "peer/base/error.h"
#include "peer/device/context.h"

namespace peer::cli {

Device Call::device() const {
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
