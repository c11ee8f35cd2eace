#pragma once

#include <string>

namespace peer::cli {

// Writes `text` to `path`, over whatever was there. IoError when it cannot be written to the end.
void write_output_file(const std::string& path, const std::string& text);

}  // namespace peer::cli
