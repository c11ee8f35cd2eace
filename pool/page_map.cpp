#include "pool/page_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "peer/base/error.h"
#include "peer/base/require.h"

namespace peer::pool {
namespace {

std::string where_of(const Digest& node) { return fmt::format("catalogue: page map {}", to_hex(node)); }

std::string read_node(const Catalogue& catalogue, const Digest& node) {
  std::optional<std::string> bytes = catalogue.get(Family::kHistory, map_key(node));
  if (!bytes) throw CorruptError(where_of(node) + ": missing");
  if (digest_of(*bytes) != node) throw CorruptError(where_of(node) + ": its digest is " + to_hex(digest_of(*bytes)));
  return *std::move(bytes);
}

Digest put_node(const std::string& bytes, CatalogueBatch& batch) {
  const Digest digest = digest_of(bytes);
  batch.put(Family::kHistory, map_key(digest), bytes);
  return digest;
}

std::int64_t pages_in_leaf(std::int64_t pages, std::int64_t leaf) { return std::min(kPagesPerLeaf, pages - leaf * kPagesPerLeaf); }

}  // namespace

MapRoot read_map_root(const Catalogue& catalogue, const Digest& root) {
  return decode_map_root(read_node(catalogue, root), where_of(root));
}

MapLeaf read_map_leaf(const Catalogue& catalogue, const MapRoot& root, std::int64_t leaf) {
  const Digest& digest = root.leaves.at(static_cast<std::size_t>(leaf));
  MapLeaf decoded = decode_map_leaf(read_node(catalogue, digest), where_of(digest));
  const auto expected = static_cast<std::size_t>(pages_in_leaf(root.pages, leaf));
  if (decoded.pages.size() != expected)
    throw CorruptError(fmt::format("{}: expected {} pages, found {}", where_of(digest), expected, decoded.pages.size()));
  return decoded;
}

PageVersion find_page(const Catalogue& catalogue, const Digest& root, std::int64_t page) {
  const MapRoot decoded = read_map_root(catalogue, root);
  if (page < 0 || page >= decoded.pages)
    throw CorruptError(fmt::format("{}: expected page {}, found {} pages", where_of(root), page, decoded.pages));
  return read_map_leaf(catalogue, decoded, page / kPagesPerLeaf).pages[static_cast<std::size_t>(page % kPagesPerLeaf)];
}

std::vector<PageVersion> all_pages(const Catalogue& catalogue, const Digest& root) {
  const MapRoot decoded = read_map_root(catalogue, root);
  std::vector<PageVersion> pages;
  for (std::size_t leaf = 0; leaf < decoded.leaves.size(); ++leaf) {
    const MapLeaf part = read_map_leaf(catalogue, decoded, static_cast<std::int64_t>(leaf));
    pages.insert(pages.end(), part.pages.begin(), part.pages.end());
  }
  return pages;
}

Digest write_page_map(const Catalogue& catalogue, const Digest& parent, std::int64_t pages,
                      const std::map<std::int64_t, PageVersion>& changed, CatalogueBatch& batch) {
  const MapRoot old = parent.empty() ? MapRoot{} : read_map_root(catalogue, parent);
  require(old.pages <= pages, "page_map: a table never loses pages");
  if (!parent.empty() && changed.empty() && old.pages == pages) return parent;
  MapRoot root{pages, {}};
  for (std::int64_t leaf = 0; leaf * kPagesPerLeaf < pages; ++leaf) {
    const std::int64_t first = leaf * kPagesPerLeaf, count = pages_in_leaf(pages, leaf);
    const bool had_leaf = leaf < static_cast<std::int64_t>(old.leaves.size());
    const auto begin = changed.lower_bound(first), end = changed.lower_bound(first + count);
    if (begin == end && had_leaf && pages_in_leaf(old.pages, leaf) == count) {
      root.leaves.push_back(old.leaves[static_cast<std::size_t>(leaf)]);
      continue;
    }
    MapLeaf next = had_leaf ? read_map_leaf(catalogue, old, leaf) : MapLeaf{};
    next.pages.resize(static_cast<std::size_t>(count));
    for (auto it = begin; it != end; ++it) next.pages[static_cast<std::size_t>(it->first - first)] = it->second;
    for (const PageVersion& page : next.pages) require(page.rows > 0, "transaction: every page of new rows must be put");
    root.leaves.push_back(put_node(encode(next), batch));
  }
  return put_node(encode(root), batch);
}

}  // namespace peer::pool
