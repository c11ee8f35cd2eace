#include "trainer/import/folder_file.h"

#include <filesystem>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "pool/file_ops.h"

namespace peer::trainer {

std::string read_folder_file(const std::string& path, std::int64_t limit_bytes) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) throw IoError(path + ": expected a file, found none");
  const pool::File file = pool::open_for_reading(path);
  const std::int64_t size = pool::size_of(file);
  if (size > limit_bytes) throw CorruptError(fmt::format("{}: expected at most {} bytes, found {}", path, limit_bytes, size));
  return pool::read_at(file, 0, static_cast<std::size_t>(size));
}

nlohmann::json parse_folder_json(std::string_view text, const std::string& path) try {
  return nlohmann::json::parse(text);
} catch (const nlohmann::json::exception& error) {
  throw CorruptError(fmt::format("{}: expected JSON, found other bytes: {}", path, error.what()));
}

nlohmann::json read_folder_json(const std::string& path, std::int64_t limit_bytes) {
  return parse_folder_json(read_folder_file(path, limit_bytes), path);
}

}  // namespace peer::trainer
