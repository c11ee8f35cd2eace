#include "cli/config_file.h"

#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "peer/base/error.h"

namespace peer::cli {
namespace {

std::string place(const std::string& path, const YAML::Mark& mark) {
  return mark.is_null() ? path + ": " : fmt::format("{}:{}:{}: ", path, mark.line + 1, mark.column + 1);
}

YAML::Node load(const std::string& path) {
  try {
    if (std::filesystem::is_directory(path)) throw IoError(path + ": expected a config file, found a directory");
    return YAML::LoadFile(path);
  } catch (const YAML::BadFile&) {
    throw IoError(fmt::format("{}: the config file cannot be read; check the path and its permissions", path));
  } catch (const YAML::Exception& error) {
    throw UsageError(fmt::format("{}not valid YAML: {}", place(path, error.mark), error.msg));
  }
}

std::string_view kind_of(const YAML::Node& node) { return node.IsNull() ? "nothing" : node.IsMap() ? "a map" : "a list"; }

std::string scalar(const YAML::Node& node, const std::string& where, std::string_view what) {
  if (!node.IsScalar()) throw UsageError(fmt::format("{}{}: expected a single value, found {}", where, what, kind_of(node)));
  return node.Scalar();
}

Setting setting_of(const Option& option, const YAML::Node& node, const std::string& path, const std::string& key_place) {
  const std::string what = fmt::format("option '{}'", option.name);
  Setting setting{option.name, {}, node.IsNull() ? key_place : place(path, node.Mark())};  // nothing has no place of its own
  if (option.kind != OptionKind::kList || !node.IsSequence()) {
    setting.values = {scalar(node, setting.where, what)};
  } else {
    for (const YAML::Node& item : node) setting.values.push_back(scalar(item, place(path, item.Mark()), what));
  }
  return setting;
}

}  // namespace

std::vector<Setting> read_config_file(const std::string& path, const OptionTable& options) {
  const YAML::Node root = load(path);
  if (root.IsNull()) return {};  // an empty file, or comments alone
  if (!root.IsMap()) throw UsageError(fmt::format("{}expected lines of `option: value`", place(path, root.Mark())));
  std::vector<Setting> settings;
  std::set<std::string> seen;
  for (const auto& entry : root) {
    const std::string where = place(path, entry.first.Mark());
    const std::string name = scalar(entry.first, where, "a key");
    const Option* option = options.find(name);
    if (!option) throw UsageError(fmt::format("{}unknown key '{}'{}", where, name, did_you_mean(name, options.names())));
    if (name == "config") throw UsageError(where + "a config file cannot name another one");
    if (!seen.insert(name).second) throw UsageError(fmt::format("{}key '{}' is given twice", where, name));
    settings.push_back(setting_of(*option, entry.second, path, where));
  }
  return settings;
}

}  // namespace peer::cli
