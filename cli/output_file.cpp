#include "cli/output_file.h"

#include <fstream>

#include "peer/base/error.h"

namespace peer::cli {

void write_output_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file) throw IoError("'" + path + "' cannot be written; check the folder, its permissions and the space left");
}

}  // namespace peer::cli
