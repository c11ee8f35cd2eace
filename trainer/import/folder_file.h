// The small files of a model's folder.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace peer::trainer {

// A whole file. IoError when it cannot be read, CorruptError when it is longer than `limit_bytes`.
std::string read_folder_file(const std::string& path, std::int64_t limit_bytes);
// CorruptError with the file's name when it is not JSON.
nlohmann::json parse_folder_json(std::string_view text, const std::string& path);
nlohmann::json read_folder_json(const std::string& path, std::int64_t limit_bytes);

}  // namespace peer::trainer
