// What the numbers of a run must be: UsageError with the option's name, what was expected and what was found.
#pragma once

#include <cstdint>
#include <string>

#include "cli/common_options.h"
#include "peer/model/model_options.h"

namespace peer::cli {

void check_limits(const CommonOptions& options);
void check_limits(const model::DeltaOptions& options);
void check_domain(const std::string& domain);
void check_experts(std::int64_t experts);  // to be added by one command

// DeviceError when `bytes` are more than this machine has (the kernel would kill the process without a word), or all but `expert_bytes` of
// them more than a GPU has: frozen experts for which it has no room stay in the machine's memory.
void check_fits_memory(Device device, double bytes, double expert_bytes = 0);

}  // namespace peer::cli
