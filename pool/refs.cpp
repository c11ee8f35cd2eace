#include "pool/refs.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "peer/base/error.h"
#include "peer/base/nearest_name.h"

namespace peer::pool {
namespace {

constexpr std::size_t kMinDigestDigits = 4, kMaxDigestDigits = 32, kMaxRefName = 200;
// Fewer digits may also be a name, such as "cafe": the name comes first.
constexpr std::size_t kMinReservedDigits = 8;
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool all_of(std::string_view text, std::string_view allowed) { return text.find_first_not_of(allowed) == std::string_view::npos; }

// "g12" or "12"
std::optional<GenerationId> parse_generation_number(std::string_view text) {
  if (text.starts_with('g')) text.remove_prefix(1);
  GenerationId id;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id.value);
  if (error != std::errc{} || end != text.data() + text.size() || !id.valid()) return std::nullopt;
  return id;
}

bool is_digest_prefix(std::string_view text, std::size_t min_digits = kMinDigestDigits) {
  return text.size() >= min_digits && text.size() <= kMaxDigestDigits && all_of(text, kHexDigits);
}

bool has_generation(const Catalogue& catalogue, GenerationId id) { return catalogue.get(Family::kHistory, generation_key(id)).has_value(); }

std::optional<GenerationId> find_digest_prefix(const Catalogue& catalogue, std::string_view prefix) {
  std::optional<GenerationId> found;
  for (const GenerationId id : all_generations(catalogue)) {
    if (!to_hex(read_generation(catalogue, id).content).starts_with(prefix)) continue;
    if (found) throw UsageError(fmt::format("'{}' begins the digest of g{} and of g{}; give more digits", prefix, found->value, id.value));
    found = id;
  }
  return found;
}

GenerationId resolve_name(const Catalogue& catalogue, std::string_view name) {
  if (const auto id = find_ref(catalogue, name)) return *id;
  if (const auto id = parse_generation_number(name); id && has_generation(catalogue, *id)) return *id;
  if (is_digest_prefix(name))
    if (const auto id = find_digest_prefix(catalogue, name)) return *id;
  if (const auto id = parse_generation_number(name); id && id->value < catalogue.counters().next_generation)
    throw UsageError(fmt::format("g{} was pruned", id->value));
  std::vector<std::string> names;
  for (const auto& [ref, id] : all_refs(catalogue)) names.push_back(ref);
  for (const GenerationId id : all_generations(catalogue)) names.push_back(fmt::format("g{}", id.value));
  if (names.empty()) throw UsageError(fmt::format("'{}': the pool has no generation yet", name));
  const bool is_short_digest = !name.empty() && name.size() < kMinDigestDigits && all_of(name, kHexDigits);
  const std::string digits = is_short_digest ? fmt::format("; of a digest give {} digits or more", kMinDigestDigits) : "";
  throw UsageError(
      fmt::format("no generation is called '{}'{}{}; the newest is {}", name, did_you_mean(name, names), digits, names.back()));
}

}  // namespace

void check_ref_name(std::string_view name) {
  const bool plain = !name.empty() && name.size() <= kMaxRefName &&
                     all_of(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") && !name.starts_with('-');
  if (!plain) throw UsageError(fmt::format("'{}' cannot be a name: use letters, digits, '.', '_', '-' and '/'", name));
  if (parse_generation_number(name) || is_digest_prefix(name, kMinReservedDigits))
    throw UsageError(fmt::format("'{}' cannot be a name: it reads as the number or the digest of a generation", name));
}

std::optional<GenerationId> find_ref(const Catalogue& catalogue, std::string_view name) {
  const std::optional<std::string> value = catalogue.get(Family::kHistory, ref_key(name));
  if (!value) return std::nullopt;
  return decode_generation_id(*value, fmt::format("catalogue: ref '{}'", name));
}

std::vector<std::pair<std::string, GenerationId>> all_refs(const Catalogue& catalogue) {
  std::vector<std::pair<std::string, GenerationId>> refs;
  catalogue.for_each(Family::kHistory, kRefPrefix, [&](std::string_view key, std::string_view body) {
    const std::string name(ref_name(key));
    refs.emplace_back(name, decode_generation_id(body, fmt::format("catalogue: ref '{}'", name)));
  });
  return refs;
}

std::vector<RefLogEntry> read_reflog(const Catalogue& catalogue) {
  std::vector<RefLogEntry> entries;
  catalogue.for_each(Family::kHistory, kReflogPrefix, [&](std::string_view, std::string_view body) {
    entries.push_back(decode_reflog_entry(body, fmt::format("catalogue: reflog entry {}", entries.size())));
  });
  std::reverse(entries.begin(), entries.end());
  return entries;
}

std::vector<GenerationId> all_generations(const Catalogue& catalogue) {
  std::vector<GenerationId> ids;
  catalogue.for_each(Family::kHistory, kGenerationPrefix,
                     [&](std::string_view key, std::string_view) { ids.push_back(generation_of_key(key)); });
  return ids;
}

Generation read_generation(const Catalogue& catalogue, GenerationId id) {
  const std::string where = fmt::format("catalogue: generation g{}", id.value);
  const std::optional<std::string> value = catalogue.get(Family::kHistory, generation_key(id));
  if (!value) throw CorruptError(where + ": missing");
  return decode_generation(*value, where);
}

void stage_ref_change(const Catalogue& catalogue, RefLogEntry entry, std::int64_t item, CatalogueBatch& batch) {
  entry.from = find_ref(catalogue, entry.ref).value_or(GenerationId{});
  if (entry.to.valid())
    batch.put(Family::kHistory, ref_key(entry.ref), encode(entry.to));
  else
    batch.remove(Family::kHistory, ref_key(entry.ref));
  batch.put(Family::kHistory, reflog_key(entry.sequence, item), encode(entry));
}

GenerationId resolve_ref(const Catalogue& catalogue, std::string_view text) {
  const std::size_t tilde = text.find('~');
  GenerationId id = resolve_name(catalogue, text.substr(0, tilde));
  if (tilde == std::string_view::npos) return id;
  std::uint32_t steps = 0;
  const char *begin = text.data() + tilde + 1, *end = text.data() + text.size();
  const auto [next, error] = std::from_chars(begin, end, steps);
  if (error != std::errc{} || next != end) throw UsageError(fmt::format("'{}': expected a number after '~', as in head~1", text));
  for (std::uint32_t step = 0; step < steps; ++step) {
    const GenerationId parent = read_generation(catalogue, id).parent;
    if (!parent.valid()) throw UsageError(fmt::format("'{}': g{} has no parent; history ends there", text, id.value));
    id = parent;
  }
  return id;
}

std::string utc_now() { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace peer::pool
