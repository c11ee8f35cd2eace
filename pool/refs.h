// Names of generations: head, tags, branches. Every change leaves an entry in the reflog, in the same batch, so that it can be undone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/catalogue.h"

namespace peer::pool {

// UsageError unless `name` can be a ref: letters, digits, '.', '_', '-', '/', and nothing that reads as a number or a digest.
void check_ref_name(std::string_view name);

std::optional<GenerationId> find_ref(const Catalogue& catalogue, std::string_view name);
std::vector<std::pair<std::string, GenerationId>> all_refs(const Catalogue& catalogue);
std::vector<RefLogEntry> read_reflog(const Catalogue& catalogue);  // newest first
std::vector<GenerationId> all_generations(const Catalogue& catalogue);
// CorruptError when there is no such generation.
Generation read_generation(const Catalogue& catalogue, GenerationId id);

// entry.from is set to where the ref points now; an invalid entry.to deletes it. `item` tells entries of one batch apart.
void stage_ref_change(const Catalogue& catalogue, RefLogEntry entry, std::int64_t item, CatalogueBatch& batch);

// "head", a tag, "g12", "12", "head~2", or a unique prefix of a content digest (4+ digits). UsageError when there is none.
GenerationId resolve_ref(const Catalogue& catalogue, std::string_view text);

std::string utc_now();  // "2024-05-01T12:00:00Z"

}  // namespace peer::pool
