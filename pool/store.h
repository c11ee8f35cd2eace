// The open parts of a pool, as the facade, a commit and verify share them.
#pragma once

#include <optional>
#include <string>

#include "pool/catalogue.h"
#include "pool/sealed_files.h"
#include "pool/writer_lock.h"

namespace peer::pool {

struct Store {
  std::string path;
  std::optional<WriterLock> lock;  // held for as long as the pool is open for writing
  Catalogue catalogue;
  Counters counters;  // as of the last batch
  SealedFiles sealed;

  // Steps 6 and 7 of every change: one synced batch, then HEAD2.
  void write(CatalogueBatch&& batch, const Counters& next);
  // ContractError unless the pool was opened for writing.
  void require_writer() const;
};

}  // namespace peer::pool
