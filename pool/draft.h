// The next generation while it is being put together: its parent, and what differs.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pool/staged_files.h"
#include "pool/store.h"

namespace peer::pool {

struct DraftTable {
  RowLayout layout;
  std::int64_t rows = 0;
  Digest parent_root;  // empty: a new block
  std::int64_t parent_rows = 0;
  std::map<std::int64_t, PageVersion> changed;  // by page
  std::int64_t page_count() const { return (rows + layout.rows_per_page - 1) / layout.rows_per_page; }
};

struct Draft {
  Draft(Store& owner, GenerationId parent_id);

  Store& store;
  GenerationId parent;
  std::string fingerprint, state;
  std::map<BlockId, DraftTable> tables;
  std::map<std::string, TrunkInfo> trunks;
  std::vector<std::pair<std::string, std::string>> records;
  StagedFiles files;
  std::int64_t pages_shared = 0;  // pages put whose bytes were sealed already
  bool committed = false;

  DraftTable& table(BlockId block);  // ContractError when absent
  PageVersion page(const DraftTable& table, std::int64_t page) const;
};

}  // namespace peer::pool
