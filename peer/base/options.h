// An option is declared once, in its subsystem's options struct: the default beside the field, and one line in `fields`.
//
//   struct ExampleOptions {
//     std::int64_t steps = 400;
//     template <class Self, class Visitor>
//     static void fields(Self& self, Visitor&& visit) {
//       visit(self.steps, OptionInfo{"steps", "optimizer steps of the stage", "steps"});
//     }
//   };
//
// Flags, config keys, --help, the run header, the fingerprint in a generation and docs/commands.md are visitors over it.
// A field is bool, int64, double, string, vector<string>, vector<int64>, or an enum with EnumNames.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "peer/base/digest.h"
#include "peer/base/error.h"
#include "peer/base/nearest_name.h"

namespace peer {

struct OptionInfo {
  std::string_view name;  // lower-case-with-dashes: the flag without its dashes, the config key
  std::string_view help;  // what it sets and when to change it
  std::string_view unit = "";
};

// Specialise with: static constexpr std::pair<E, std::string_view> values[] = {...};
template <class E>
struct EnumNames;

std::string to_text(bool value);
std::string to_text(std::int64_t value);
std::string to_text(double value);  // the shortest decimal that reads back to the same double
std::string to_text(const std::string& value);
std::string to_text(const std::vector<std::string>& values);   // comma-separated
std::string to_text(const std::vector<std::int64_t>& values);  // comma-separated

// parse_text sets `value` or throws UsageError naming `name`, what was expected and what was found.
void parse_text(std::string_view name, const std::string& text, bool& value);
void parse_text(std::string_view name, const std::string& text, std::int64_t& value);  // accepts k, M, G suffixes (10^3, 10^6, 10^9)
void parse_text(std::string_view name, const std::string& text, double& value);
void parse_text(std::string_view name, const std::string& text, std::string& value);
void parse_text(std::string_view name, const std::string& text, std::vector<std::string>& values);
void parse_text(std::string_view name, const std::string& text, std::vector<std::int64_t>& values);

template <class E>
requires std::is_enum_v<E> std::string to_text(E value) {
  for (const auto& [candidate, text] : EnumNames<E>::values)
    if (candidate == value) return std::string(text);
  throw ContractError("options: an enum value without a name");
}

template <class E>
requires std::is_enum_v<E>
void parse_text(std::string_view name, const std::string& text, E& value) {
  std::vector<std::string> names;
  std::string list;
  for (const auto& [candidate, candidate_text] : EnumNames<E>::values) {
    if (candidate_text == text) {
      value = candidate;
      return;
    }
    names.emplace_back(candidate_text);
    list += (list.empty() ? "" : ", ") + names.back();
  }
  throw UsageError("option '" + std::string(name) + "': expected one of " + list + ", found '" + text + "'" + did_you_mean(text, names));
}

// name -> text of every field.
template <class Options>
std::map<std::string, std::string> options_map(const Options& options) {
  std::map<std::string, std::string> out;
  Options::fields(options, [&](const auto& field, const OptionInfo& info) { out.emplace(info.name, to_text(field)); });
  return out;
}

template <class Options>
std::vector<std::string> option_names() {
  std::vector<std::string> names;
  const Options options;
  Options::fields(options, [&](const auto&, const OptionInfo& info) { names.emplace_back(info.name); });
  return names;
}

// Sets the field called `name`. False when there is none; UsageError when the text does not fit.
template <class Options>
bool set_option(Options& options, std::string_view name, const std::string& text) {
  bool found = false;
  Options::fields(options, [&](auto& field, const OptionInfo& info) {
    if (info.name == name) parse_text(name, text, field), found = true;
  });
  return found;
}

// Digest of every field's text: stored with a generation, compared at resume.
template <class Options>
Digest options_fingerprint(const Options& options) {
  std::string text;
  for (const auto& [name, value] : options_map(options)) text += name + '=' + value + '\n';
  return digest_of(text);
}

}  // namespace peer
