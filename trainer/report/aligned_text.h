#pragma once

#include <string>
#include <vector>

namespace peer::trainer {

using TextRow = std::vector<std::string>;

// Rows as lines of columns: the first to the left, the others, numbers, to the right.
std::string aligned(const std::vector<TextRow>& rows);

}  // namespace peer::trainer
