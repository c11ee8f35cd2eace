#include "pool/format_file.h"

#include <fmt/format.h>

#include <charconv>

#include "peer/base/error.h"
#include "pool/file_ops.h"

namespace peer::pool {
namespace {

constexpr std::string_view kFirstLine = "peer pool: a directory of generations of a language model; see docs/pool-format.md\nversion ";

}  // namespace

void write_format_file(const std::string& path) {
  const File file = create_sealed(path);
  const std::string text = fmt::format("{}{}\n", kFirstLine, kFormatVersion);
  write_all(file, std::as_bytes(std::span(text)));
  sync(file);
}

void check_format_file(const std::string& path) {
  const std::string text = read_at(open_for_reading(path), 0, 4096);
  int version = 0;
  bool valid = text.starts_with(kFirstLine);
  if (valid) {
    const char* end = text.data() + text.size();
    const auto [next, error] = std::from_chars(text.data() + kFirstLine.size(), end, version);
    valid = error == std::errc{} && version >= 1 && std::string_view(next, static_cast<std::size_t>(end - next)) == "\n";
  }
  if (!valid) throw CorruptError(fmt::format("{}: expected '{}{}', found something else", path, "peer pool: ... version ", kFormatVersion));
  if (version > kFormatVersion)
    throw IoError(fmt::format("{}: the pool has format {}, this program reads {}; use a newer peer-cli", path, version, kFormatVersion));
}

}  // namespace peer::pool
