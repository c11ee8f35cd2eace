// The heading of each options struct in --help and docs/commands.md, by its type: the struct itself need not know that it is printed.
#pragma once

#include <string_view>

#include "cli/common_options.h"

namespace peer::streams {
struct StreamOptions;
}

namespace peer::cli {

template <class Options>
inline constexpr std::string_view kTitleOf = "Options";

template <>
inline constexpr std::string_view kTitleOf<CommonOptions> = "Common options";
template <>
inline constexpr std::string_view kTitleOf<streams::StreamOptions> = "Corpus";

}  // namespace peer::cli
