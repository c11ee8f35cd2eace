#include "pool/draft.h"

#include "peer/base/require.h"
#include "pool/page_map.h"
#include "pool/refs.h"

namespace peer::pool {

Draft::Draft(Store& owner, GenerationId parent_id) : store(owner), parent(parent_id), files(owner.path, owner.sealed) {
  if (!parent.valid()) return;
  Generation base = read_generation(store.catalogue, parent);
  fingerprint = std::move(base.fingerprint);
  state = std::move(base.state);
  for (const TableInfo& table : base.tables) tables[table.block] = {table.layout, table.rows, table.map_root, table.rows, {}};
  for (const TrunkInfo& trunk : base.trunks) trunks[trunk.name] = trunk;
}

DraftTable& Draft::table(BlockId block) {
  const auto found = tables.find(block);
  require(found != tables.end(), "transaction: set_table must come before the pages of a block");
  return found->second;
}

PageVersion Draft::page(const DraftTable& table, std::int64_t page) const {
  if (const auto found = table.changed.find(page); found != table.changed.end()) return found->second;
  require(page >= 0 && page * table.layout.rows_per_page < table.parent_rows, "transaction: the page must have been put");
  return find_page(store.catalogue, table.parent_root, page);
}

}  // namespace peer::pool
