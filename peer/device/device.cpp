#include "peer/device/device.h"

#include "peer/base/options.h"

namespace peer {

Device parse_device(const std::string& text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {Device::Kind::kCuda, 0};
  if (text.starts_with("cuda:")) {
    std::int64_t index = 0;
    parse_text("device", text.substr(5), index);
    return {Device::Kind::kCuda, static_cast<int>(index)};
  }
  throw UsageError("option 'device': expected cpu, cuda, cuda:N or auto, found '" + text + "'");
}

std::string to_text(Device device) { return device.is_cpu() ? "cpu" : "cuda:" + std::to_string(device.index); }

}  // namespace peer
