#pragma once

#include <cstdint>
#include <string>

#include "peer/base/options.h"

namespace peer::cli {

inline constexpr const char* kAutoDevice = "auto";

enum class ColorMode { kAuto, kAlways, kNever };

// The options of every command.
struct CommonOptions {
  bool json = false;
  std::string config;
  std::string device = "cpu";  // kAutoDevice, or see parse_device
  double device_memory = 0;
  std::int64_t threads = 0;
  std::int64_t seed = 1;
  bool quiet = false;
  ColorMode color = ColorMode::kAuto;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.json, OptionInfo{"json", "print one JSON document on stdout and nothing else there"});
    visit(self.config, OptionInfo{"config", "read options from this YAML (or JSON) file; the command line wins over it", "FILE"});
    visit(self.device, OptionInfo{"device", "where to compute: cpu, cuda, cuda:1, or auto: a CUDA device if there is one", "DEVICE"});
    visit(self.device_memory,
          OptionInfo{"device-memory",
                     "of a GPU, for experts; what is used less stays in the machine's memory. 0: four fifths of what dense tensors leave",
                     "GB"});
    visit(self.threads, OptionInfo{"threads", "threads of the CPU; 0: one for each core. Fix it to get the same bits on another machine"});
    visit(self.seed, OptionInfo{"seed", "of every random choice; the same seed gives the same bits"});
    visit(self.quiet, OptionInfo{"quiet", "no progress and no notes on stderr, only errors"});
    visit(self.color, OptionInfo{"color", "auto: on a terminal, unless NO_COLOR is set"});
  }
};

}  // namespace peer::cli

namespace peer {
template <>
struct EnumNames<cli::ColorMode> {
  static constexpr std::pair<cli::ColorMode, std::string_view> values[] = {
      {cli::ColorMode::kAuto, "auto"}, {cli::ColorMode::kAlways, "always"}, {cli::ColorMode::kNever, "never"}};
};
}  // namespace peer
