// What the commands about generations share: opening the pool that was named, and saying what a generation is.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/command.h"
#include "pool/pool.h"

namespace peer::cli {

pool::Pool open_pool(const Call& call, pool::Access access);

std::string label(GenerationId id);                            // "g12", or "-" for none
std::string short_digest(const pool::Generation& generation);  // as many digits as tables show
Json json_of(GenerationId id);                                 // the same, or null for none: a REF that every command takes

// The names of each generation: head first, then tags.
using NamesByGeneration = std::map<GenerationId, std::vector<std::string>>;
NamesByGeneration names_by_generation(const pool::Pool& pool);
std::string joined_names(const NamesByGeneration& names, GenerationId id);  // "head, base-en"

// {"id", "digest", "parent", "created", "message", "names"}
Json summary_json(const pool::Generation& generation, const NamesByGeneration& names);

}  // namespace peer::cli
