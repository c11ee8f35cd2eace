#pragma once

#include <string_view>

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer {

// UsageError that names the option, what it expects and what it found, unless `held`.
template <class T>
void check_option(bool held, std::string_view option, std::string_view expected, const T& found) {
  if (!held) throw UsageError(fmt::format("option '{}': expected {}, found {}", option, expected, found));
}

}  // namespace peer
