#include "pool/file_names.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::pool {
namespace {

constexpr std::size_t kDigestDigits = 32;
constexpr std::string_view kTemporaryPrefix = "tmp-";

std::string_view suffix_of(SealedKind kind) { return kind == SealedKind::kState ? ".state.h5" : ".h5"; }

}  // namespace

std::string_view directory_of(SealedKind kind) { return kind == SealedKind::kTrunk ? kTrunkDirectory : kShardsDirectory; }

std::string sealed_path(const SealedName& name) {
  return join(directory_of(name.kind), to_hex(name.digest) + std::string(suffix_of(name.kind)));
}

std::string temporary_name(std::int64_t process, std::int64_t number) { return fmt::format("{}{}-{}", kTemporaryPrefix, process, number); }

bool is_temporary_name(std::string_view name) { return name.starts_with(kTemporaryPrefix); }

std::optional<SealedName> parse_sealed_path(std::string_view path) {
  for (const SealedKind kind : {SealedKind::kState, SealedKind::kPage, SealedKind::kTrunk}) {
    const std::string_view directory = directory_of(kind), suffix = suffix_of(kind);
    if (path.size() != directory.size() + 1 + kDigestDigits + suffix.size() || !path.ends_with(suffix)) continue;
    if (!path.starts_with(directory) || path[directory.size()] != '/') continue;
    try {
      return SealedName{kind, parse_digest(path.substr(directory.size() + 1, kDigestDigits), path)};
    } catch (const CorruptError&) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace peer::pool
