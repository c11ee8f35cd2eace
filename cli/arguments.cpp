#include "cli/arguments.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include "cli/config_file.h"
#include "peer/base/require.h"

namespace peer::cli {
namespace {

namespace po = boost::program_options;

// Long options alone: `-1` is a value, and no prefix of a name stands for the name.
constexpr int kStyle =
    po::command_line_style::allow_long | po::command_line_style::long_allow_adjacent | po::command_line_style::long_allow_next;

po::options_description describe(const OptionTable& options) {
  po::options_description description;
  for (const Option& option : options.all()) {
    auto* value = po::value<std::vector<std::string>>();
    if (option.kind == OptionKind::kList) value->multitoken();
    description.add_options()(option.name.c_str(), value);
  }
  return description;
}

// Boost lets an option with an optional value swallow the next word, so `--json POOL` would lose its pool: flags are read here, and
// take a value after = alone.
std::pair<std::string, std::string> read_flag(const OptionTable& options, const std::string& word) {
  if (!word.starts_with("--")) return {};
  const std::size_t equals = word.find('=');
  const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
  const Option* option = options.find(name);
  if (!option || option->kind != OptionKind::kFlag) return {};
  return {name, equals == std::string::npos ? "true" : word.substr(equals + 1)};
}

[[noreturn]] void refuse(const Command& command, const std::string& problem) {
  throw UsageError(fmt::format("{}: {}; see peer-cli {} --help", command.info.name, problem, command.info.name));
}

std::vector<po::option> tokenize(const Command& command, const std::vector<std::string>& words) {
  const po::options_description description = describe(command.options);
  try {
    return po::command_line_parser(words)
        .options(description)
        .style(kStyle)
        .extra_parser([&](const std::string& word) { return read_flag(command.options, word); })
        .run()
        .options;
  } catch (const po::unknown_option& error) {
    const std::string word = error.get_option_name();  // as it was written: with its dashes, perhaps with its value
    const std::size_t begin = std::min(word.find_first_not_of('-'), word.size());
    const std::string name = word.substr(begin, word.find('=') - begin);
    const std::string nearest = nearest_name(name, command.options.names());
    refuse(command, fmt::format("unknown option '--{}'{}", name, nearest.empty() ? "" : fmt::format(" (did you mean '--{}'?)", nearest)));
  } catch (const po::error& error) {
    refuse(command, error.what());
  }
}

template <class Settings>
auto* find_setting(Settings& settings, std::string_view name) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) { return setting.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

// Boost takes the next word whatever it is, and would hide that a value was forgotten.
void check_value(const Command& command, const po::option& given) {
  const bool adjacent = given.original_tokens.size() == 1;
  for (const std::string& value : given.value)
    if (!adjacent && value.starts_with("--"))
      refuse(command, fmt::format("'--{0}' needs a value, found '{1}' (if that is the value, write --{0}={1})", given.string_key, value));
}

void add_setting(const Command& command, const po::option& given, std::vector<Setting>& settings) {
  check_value(command, given);
  Setting* earlier = find_setting(settings, given.string_key);
  if (!earlier) {
    settings.push_back({given.string_key, given.value, ""});
  } else if (command.options.find(given.string_key)->kind == OptionKind::kList) {
    earlier->values.insert(earlier->values.end(), given.value.begin(), given.value.end());
  } else {
    refuse(command, fmt::format("'--{}' is given twice", given.string_key));
  }
}

void name_positionals(const Command& command, const std::vector<std::string>& words, Arguments& arguments) {
  const std::vector<Positional>& expected = command.info.positionals;
  const bool repeated = !expected.empty() && expected.back().repeated;
  if (words.size() > expected.size() && !repeated) refuse(command, fmt::format("unexpected argument '{}'", words[expected.size()]));
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (repeated && i + 1 >= expected.size())
      arguments.repeated.push_back(words[i]);
    else
      arguments.positionals.emplace(expected[i].name, words[i]);
  }
  if (words.size() >= expected.size() || expected[words.size()].optional) return;
  const std::string_view missing = expected[words.size()].name;
  std::string hint;
  for (const Setting& setting : arguments.settings)
    if (setting.values.size() > 1) hint = fmt::format(" ('--{}' takes every word after it: put {} first)", setting.name, missing);
  refuse(command, fmt::format("{} is missing{}; usage: {}", missing, hint, usage_line(command)));
}

void check_required(const Command& command, const std::vector<Setting>& settings) {
  for (const std::string_view name : command.info.required)
    if (!find_setting(settings, name)) refuse(command, fmt::format("'--{}' is missing; usage: {}", name, usage_line(command)));
}

}  // namespace

Arguments parse_arguments(const Command& command, const std::vector<std::string>& words) {
  Arguments arguments;
  std::vector<std::string> positionals;
  for (const po::option& option : tokenize(command, words)) {
    if (option.string_key.empty())
      positionals.insert(positionals.end(), option.value.begin(), option.value.end());
    else
      add_setting(command, option, arguments.settings);
  }
  name_positionals(command, positionals, arguments);
  return arguments;
}

Arguments apply_arguments(const Command& command, const std::vector<std::string>& words) {
  Arguments arguments = parse_arguments(command, words);
  if (const Setting* config = find_setting(arguments.settings, "config")) {
    const std::vector<Setting> stored = read_config_file(config->values.at(0), command.options);
    arguments.settings.insert(arguments.settings.begin(), stored.begin(), stored.end());
  }
  for (const Setting& setting : arguments.settings) command.options.apply(setting);
  check_required(command, arguments.settings);
  return arguments;
}

std::string usage_line(const Command& command) {
  std::string line = fmt::format("peer-cli {}", command.info.name);
  for (const Positional& positional : command.info.positionals) {
    const std::string name = std::string(positional.name) + (positional.repeated ? "..." : "");
    line += positional.optional ? fmt::format(" [{}]", name) : fmt::format(" {}", name);
  }
  for (const std::string_view name : command.info.required) {
    const Option* option = command.options.find(name);
    require(option != nullptr, "usage: a required option must be declared by the command");
    line += fmt::format(" --{} {}", name, option->value_name);
  }
  return command.options.all().empty() ? line : line + " [options]";
}

}  // namespace peer::cli
