// The catalogue: RocksDB, opened so that it either shows every acknowledged batch or says that it cannot. Values are sealed with a
// checksum over key and value of our own, because one row of a damaged or misplaced block must never pass for another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pool/catalogue_keys.h"

namespace peer::pool {

enum class Family { kHistory, kRecords };  // column families: generations, maps, refs, reflog; and the caller's keyed records

// Changes that become visible together or not at all.
class CatalogueBatch {
 public:
  CatalogueBatch();
  ~CatalogueBatch();
  CatalogueBatch(CatalogueBatch&&) noexcept;
  void put(Family family, std::string_view key, std::string_view body);
  void remove(Family family, std::string_view key);

 private:
  friend class Catalogue;
  struct Changes;
  std::unique_ptr<Changes> changes_;
};

class Catalogue {
 public:
  static void create(const std::string& directory);
  static Catalogue open_for_writing(const std::string& directory);
  // A frozen view of every batch written so far, beside a writer that may be busy. Leaves nothing on disk.
  static Catalogue open_for_reading(const std::string& directory);
  Catalogue(Catalogue&&) noexcept;
  Catalogue& operator=(Catalogue&&) noexcept;
  ~Catalogue();

  std::optional<std::string> get(Family family, std::string_view key) const;
  void for_each(Family family, std::string_view prefix,
                const std::function<void(std::string_view key, std::string_view body)>& visit) const;
  // The keys of for_each, whatever became of their values.
  std::vector<std::string> keys(Family family, std::string_view prefix) const;
  Counters counters() const;

  // One synced WriteBatch with `counters` in it. When RocksDB reports a failure, it is closed and opened again to see what became of the
  // batch: returns normally when it is there, throws IoError when it is not.
  void write(CatalogueBatch&& batch, const Counters& counters);

 private:
  struct State;
  explicit Catalogue(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace peer::pool
