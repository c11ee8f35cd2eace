#include "pool/prune.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "pool/page_map.h"
#include "pool/refs.h"

namespace peer::pool {
namespace {

// A generation goes when it was superseded, no ref points to it and no generation that stays grew on it.
std::set<std::int64_t> to_remove(const std::vector<Generation>& generations, const std::vector<std::pair<std::string, GenerationId>>& refs,
                                 const std::function<bool(const Generation&)>& superseded) {
  std::set<std::int64_t> needed, removed;
  for (const auto& [name, id] : refs) needed.insert(id.value);
  // Children have higher numbers than their parents.
  for (auto generation = generations.rbegin(); generation != generations.rend(); ++generation) {
    if (!needed.contains(generation->id.value) && superseded(*generation))
      removed.insert(generation->id.value);
    else if (generation->parent.valid())
      needed.insert(generation->parent.value);
  }
  return removed;
}

// What the generations that stay refer to.
struct Needed {
  std::set<std::string> map_nodes;  // their keys
  std::set<SealedName> files;

  void add(const Catalogue& catalogue, const Generation& generation) {
    for (const TableInfo& table : generation.tables) {
      if (!map_nodes.insert(map_key(table.map_root)).second) continue;  // a map that another generation has too
      for (const Digest& leaf : read_map_root(catalogue, table.map_root).leaves) map_nodes.insert(map_key(leaf));
      for (const PageVersion& page : all_pages(catalogue, table.map_root)) {
        files.insert({SealedKind::kPage, page.content});
        if (!page.state.empty()) files.insert({SealedKind::kState, page.state});
      }
    }
    for (const TrunkInfo& trunk : generation.trunks) files.insert({SealedKind::kTrunk, trunk.content});
  }
};

std::vector<SealedName> sealed_files(const std::string& pool) {
  std::vector<SealedName> found;
  for (const std::string_view directory : {kShardsDirectory, kTrunkDirectory})
    for (const std::string& name : list_directory(join(pool, directory)))
      if (const auto sealed = parse_sealed_path(join(directory, name))) found.push_back(*sealed);
  return found;
}

}  // namespace

PruneReport prune(Store& store, const std::function<bool(const Generation&)>& superseded, Removal removal) {
  if (removal == Removal::kYes) store.require_writer();
  std::vector<Generation> generations;
  for (const GenerationId id : all_generations(store.catalogue)) generations.push_back(read_generation(store.catalogue, id));
  const std::set<std::int64_t> removed = to_remove(generations, all_refs(store.catalogue), superseded);
  Needed needed;
  PruneReport report;
  for (const Generation& generation : generations) {
    if (removed.contains(generation.id.value))
      report.removed.push_back(generation);
    else
      needed.add(store.catalogue, generation);
  }
  report.generations = static_cast<std::int64_t>(removed.size());
  std::vector<SealedName> unneeded;
  for (const SealedName& file : sealed_files(store.path)) {
    if (needed.files.contains(file)) continue;
    unneeded.push_back(file);
    report.files += 1, report.bytes += MappedFile(store.sealed.path_of(file)).size();
  }
  if (removal == Removal::kNo) return report;

  // The catalogue first: a crash in between leaves files that nothing refers to, which the next time removes.
  CatalogueBatch batch;
  for (const std::int64_t id : removed) batch.remove(Family::kHistory, generation_key({id}));
  for (const std::string& node : store.catalogue.keys(Family::kHistory, kMapPrefix))
    if (!needed.map_nodes.contains(node)) batch.remove(Family::kHistory, node);
  store.write(std::move(batch), {store.counters.sequence + 1, store.counters.next_generation});
  for (const SealedName& file : unneeded) {
    store.sealed.forget(file);
    remove_file(store.sealed.path_of(file));
  }
  for (const std::string_view directory : {kShardsDirectory, kTrunkDirectory}) sync_directory(join(store.path, directory));
  return report;
}

}  // namespace peer::pool
