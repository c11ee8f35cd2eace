#include "cli/generation_summary.h"

#include <algorithm>

#include <fmt/format.h>

namespace peer::cli {

pool::Pool open_pool(const Call& call, pool::Access access) { return pool::Pool::open(call.argument(kPoolArgument.name), access); }

std::string label(GenerationId id) { return id.valid() ? fmt::format("g{}", id.value) : "-"; }

std::string short_digest(const pool::Generation& generation) {
  constexpr std::size_t kDigits = 8;
  return to_hex(generation.content).substr(0, kDigits);
}

Json json_of(GenerationId id) { return id.valid() ? Json(label(id)) : Json(nullptr); }

NamesByGeneration names_by_generation(const pool::Pool& pool) {
  NamesByGeneration names;
  for (const auto& [name, id] : pool.refs()) names[id].push_back(name);
  for (auto& [id, list] : names) std::stable_partition(list.begin(), list.end(), [](const std::string& name) { return name == "head"; });
  return names;
}

std::string joined_names(const NamesByGeneration& names, GenerationId id) {
  const auto found = names.find(id);
  return found == names.end() ? "" : fmt::format("{}", fmt::join(found->second, ", "));
}

Json summary_json(const pool::Generation& generation, const NamesByGeneration& names) {
  const auto found = names.find(generation.id);
  return {{"id", json_of(generation.id)},         {"digest", to_hex(generation.content)},
          {"parent", json_of(generation.parent)}, {"created", generation.created},
          {"message", generation.message},        {"names", found == names.end() ? Json::array() : Json(found->second)}};
}

}  // namespace peer::cli
