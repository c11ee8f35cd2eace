// FORMAT: what the directory is and the version of its format, for a person with `cat` and for us.
#pragma once

#include <string>

namespace peer::pool {

inline constexpr int kFormatVersion = 1;

void write_format_file(const std::string& path);
// IoError when a newer program wrote the pool, CorruptError for anything that is not a FORMAT file.
void check_format_file(const std::string& path);

}  // namespace peer::pool
