// What to try after a system call failed: the end of the line that an IoError says.
#pragma once

#include <string_view>

namespace peer::pool {

// "; free some space and run the command again" for ENOSPC. "" where nothing helps that we know of.
std::string_view advice_for(int code);
// The same for the line of a library that names the system's own words for its error.
std::string_view advice_in(std::string_view line);

}  // namespace peer::pool
