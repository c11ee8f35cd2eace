// The only path by which a generation comes to be. Each step was found necessary by cutting the power without it:
//
//   1  the writer's lock, and room on the disk     held since the pool was opened; asked before every file
//   2  temporary files                             Transaction::put_page, put_trunk -> StagedFiles::add
//   3  fsync all of them, after all are written
//   4  rename each to the digest of its content
//   5  fsync the directories
//   6  one synced batch: generation, page maps, refs, reflog, records, counters
//   7  HEAD2
//   8  acknowledge
//
// Before step 6 is durable a crash leaves the parent and stray files, after it the child.
#include "pool/commit.h"

#include "peer/base/require.h"
#include "pool/page_map.h"
#include "pool/refs.h"
#include "pool/row_layout.h"

namespace peer::pool {
namespace {

// A page version knows how many rows it has, so the page in which new rows begin has to be put again.
void require_complete(const DraftTable& table) {
  for (const auto& [page, version] : table.changed)
    require(version.rows == rows_in_page(table.layout, table.rows, page), "transaction: a page must be put after its table has grown");
  const bool grew_in_place = table.rows > table.parent_rows && table.parent_rows % table.layout.rows_per_page != 0;
  require(!grew_in_place || table.changed.contains(table.parent_rows / table.layout.rows_per_page),
          "transaction: every page of new rows must be put");
}

Generation stage_generation(const Draft& draft, const std::string& message, CatalogueBatch& batch) {
  Generation generation;
  generation.id = {draft.store.counters.next_generation};
  generation.parent = draft.parent;
  generation.message = message;
  generation.created = utc_now();
  generation.fingerprint = draft.fingerprint;
  generation.state = draft.state;
  for (const auto& [block, table] : draft.tables) {
    require_complete(table);
    const Digest root = write_page_map(draft.store.catalogue, table.parent_root, table.page_count(), table.changed, batch);
    generation.tables.push_back({block, table.layout, table.rows, root});
  }
  for (const auto& [name, trunk] : draft.trunks) generation.trunks.push_back(trunk);
  batch.put(Family::kHistory, generation_key(generation.id), encode(generation));
  return generation;
}

void stage_refs(const Draft& draft, const Generation& generation, std::string_view ref, std::string_view also_delete_ref,
                std::int64_t sequence, CatalogueBatch& batch) {
  RefLogEntry entry{sequence, std::string(ref), "commit: " + generation.message, generation.created, {}, generation.id};
  stage_ref_change(draft.store.catalogue, entry, 0, batch);
  if (also_delete_ref.empty() || !find_ref(draft.store.catalogue, also_delete_ref)) return;
  entry.ref = also_delete_ref;
  entry.to = {};
  stage_ref_change(draft.store.catalogue, entry, 1, batch);
}

}  // namespace

CommitReport commit(Draft& draft, std::string_view ref, const std::string& message, std::string_view also_delete_ref) {
  require(!draft.committed, "transaction: it commits once");
  check_ref_name(ref);
  require(ref != also_delete_ref, "transaction: it cannot point a ref to the new generation and delete it");
  CatalogueBatch batch;
  const Counters next{draft.store.counters.sequence + 1, draft.store.counters.next_generation + 1};
  const Generation generation = stage_generation(draft, message, batch);
  stage_refs(draft, generation, ref, also_delete_ref, next.sequence, batch);
  for (const auto& [key, value] : draft.records) batch.put(Family::kRecords, key, value);

  draft.committed = true;                     // whatever happens now, these files are not synced a second time
  draft.files.sync();                         // 3
  draft.files.publish();                      // 4, 5
  draft.store.write(std::move(batch), next);  // 6, 7
  return {generation.id, draft.files.files_written(), draft.files.bytes_written(), draft.pages_shared};  // 8
}

}  // namespace peer::pool
