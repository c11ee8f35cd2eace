#include "peer/device/device.h"

#include <charconv>

#include "peer/base/options.h"

namespace peer {

Device parse_device(const std::string& text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {Device::Kind::kCuda, 0};
  if (text.starts_with("cuda:")) {
    int index = 0;
    const auto [end, problem] = std::from_chars(text.data() + 5, text.data() + text.size(), index);
    if (problem == std::errc() && end == text.data() + text.size() && index >= 0) return {Device::Kind::kCuda, index};
  }
  throw UsageError("option 'device': expected cpu, cuda, cuda:N or auto, found '" + text + "'");
}

std::string to_text(Device device) { return device.is_cpu() ? "cpu" : "cuda:" + std::to_string(device.index); }

}  // namespace peer
