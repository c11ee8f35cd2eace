// The page map of a block, in two levels: a root that lists leaves, and leaves of 256 page versions. Both are stored under their digests,
// so a generation that changes one page adds one leaf and one root, and equal maps are one map.
#pragma once

#include <map>
#include <vector>

#include "pool/catalogue.h"

namespace peer::pool {

// Every function throws CorruptError when a node is missing, damaged or does not have the pages that it must have.
MapRoot read_map_root(const Catalogue& catalogue, const Digest& root);
MapLeaf read_map_leaf(const Catalogue& catalogue, const MapRoot& root, std::int64_t leaf);
PageVersion find_page(const Catalogue& catalogue, const Digest& root, std::int64_t page);
std::vector<PageVersion> all_pages(const Catalogue& catalogue, const Digest& root);

// The map of `pages` pages that has `changed` over `parent` (empty digest: no parent). Adds new nodes to the batch, returns the root.
// Requires that every page is in the parent or changed.
Digest write_page_map(const Catalogue& catalogue, const Digest& parent, std::int64_t pages,
                      const std::map<std::int64_t, PageVersion>& changed, CatalogueBatch& batch);

}  // namespace peer::pool
