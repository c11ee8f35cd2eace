// Every name on disk is made and parsed here.
//
//   POOL/FORMAT              text: what this is, and the version of the format
//   POOL/LOCK                flock; pid and command of the writer
//   POOL/HEAD2               two checksummed slots: the last acknowledged commit
//   POOL/catalogue/          RocksDB: everything small
//   POOL/shards/<digest>.h5        a page version: expert rows        (HDF5, sealed)
//   POOL/shards/<digest>.state.h5  the optimizer's state for a page   (HDF5, sealed)
//   POOL/trunk/<digest>.h5         named dense tensors                (HDF5, sealed)
//   POOL/{shards,trunk}/tmp-<pid>-<number>   being written; left behind by a crash, removed by the next writer
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "peer/base/digest.h"

namespace peer::pool {

enum class SealedKind { kPage, kState, kTrunk };

struct SealedName {
  SealedKind kind = SealedKind::kPage;
  Digest digest;
  friend auto operator<=>(const SealedName&, const SealedName&) = default;
};

inline constexpr std::string_view kFormatFile = "FORMAT";
inline constexpr std::string_view kLockFile = "LOCK";
inline constexpr std::string_view kHead2File = "HEAD2";
inline constexpr std::string_view kCatalogueDirectory = "catalogue";
inline constexpr std::string_view kShardsDirectory = "shards";
inline constexpr std::string_view kTrunkDirectory = "trunk";

std::string_view directory_of(SealedKind kind);
std::string sealed_path(const SealedName& name);  // relative to the pool: "shards/0123....h5"
std::string temporary_name(std::int64_t process, std::int64_t number);
bool is_temporary_name(std::string_view name);
// nullopt for anything that is not the name of a sealed file.
std::optional<SealedName> parse_sealed_path(std::string_view path);

inline std::string join(std::string_view directory, std::string_view name) { return std::string(directory) + '/' + std::string(name); }

}  // namespace peer::pool
