#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peer {

// The candidate with the smallest edit distance to `name`, or "" when none is near enough to be a likely typo.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

// " (did you mean 'steps'?)", or "" when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace peer
