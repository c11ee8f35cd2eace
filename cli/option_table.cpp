#include "cli/option_table.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::cli {

void OptionTable::declare(Option option) {
  if (find(option.name))
    throw ContractError(fmt::format("option table: '{}' is declared by two options structs of a command", option.name));
  const bool unit_names_the_value = !option.unit.empty() && std::isupper(static_cast<unsigned char>(option.unit[0]));
  if (!option.choices.empty())
    option.value_name = fmt::format("{}", fmt::join(option.choices, "|"));
  else if (unit_names_the_value)
    option.value_name = std::exchange(option.unit, "");
  options_.push_back(std::move(option));
}

const Option* OptionTable::find(std::string_view name) const {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& option) { return option.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

std::vector<std::string> OptionTable::names() const {
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back(option.name);
  return names;
}

void OptionTable::apply(const Setting& setting) const {
  const Option* option = find(setting.name);
  if (!option) throw UsageError(fmt::format("{}unknown option '{}'{}", setting.where, setting.name, did_you_mean(setting.name, names())));
  if (option->kind != OptionKind::kList && setting.values.size() != 1)
    throw UsageError(fmt::format("{}option '{}': expected one value, found {}", setting.where, setting.name, setting.values.size()));
  try {
    option->assign(setting.values);
  } catch (const UsageError& error) {
    throw UsageError(setting.where + error.what());
  }
}

}  // namespace peer::cli
