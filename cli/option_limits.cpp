#include "cli/option_limits.h"

#include <fmt/format.h>

#include "peer/base/option_check.h"
#include "streams/tokenizer/utf8.h"

namespace peer::cli {

void check_limits(const CommonOptions& options) {
  constexpr std::int64_t kMostThreads = 4096;
  check_option(options.threads >= 0 && options.threads <= kMostThreads, "threads", fmt::format("0 to {}", kMostThreads), options.threads);
  constexpr double kMostGigabytes = 1e6;  // whose bytes an integer holds
  check_option(options.device_memory >= 0 && options.device_memory <= kMostGigabytes, "device-memory",
               fmt::format("0 to {}", kMostGigabytes), options.device_memory);
  check_option(options.seed >= 0, "seed", "0 or more", options.seed);
}

void check_limits(const model::DeltaOptions& options) {
  constexpr std::int64_t kLongestSide = std::int64_t{1} << 15;  // a block numbers its experts in 31 bits
  check_option(options.annex_side >= 0 && options.annex_side <= kLongestSide, "annex-side", fmt::format("0 to {}", kLongestSide),
               options.annex_side);
}

void check_domain(const std::string& domain) {
  if (domain.empty()) throw UsageError("option 'domain' is missing: a name for what the text is about, e.g. --domain cpp");
  if (streams::find_fault(domain)) throw UsageError("option 'domain': expected a name in UTF-8, found other bytes");
  for (const unsigned char c : domain)
    if (c <= ' ' || c == '/' || c == ',' || c == 127)
      throw UsageError("option 'domain': expected a name without spaces, commas or slashes, found '" + domain + "'");
}

void check_experts(std::int64_t experts) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  check_option(experts >= 0 && experts <= kMost, "experts", fmt::format("0 to {}", kMost), experts);
}

void check_fits_memory(Device device, double bytes, double expert_bytes) {
  const auto check = [](double needed, double there, const std::string& where) {
    if (needed > there)
      throw DeviceError(fmt::format(
          "out of memory: {:.1f} GB are needed at least, {} has {:.1f} GB; a smaller preset, batch or number of experts needs less "
          "(--dry-run prints how much)",
          needed / 1e9, where, there / 1e9));
  };
  check(bytes, static_cast<double>(memory_bytes({})), "this machine");
  if (!device.is_cpu()) check(bytes - expert_bytes, static_cast<double>(memory_bytes(device)), to_text(device));
}

}  // namespace peer::cli
