// A command is one file: a function that does the work, and a description from which the parser, --help, completion and
// docs/commands.md follow. Its options are the structs in the function's signature.
//
//   int run(Call& call, const StreamOptions& stream, const TrainOptions& train);
//   Command stream_command() { return make_command({.name = "stream", ..., .positionals = {kPoolArgument}}, run); }
//
// A new command is that file and its name in commands.cpp (and in CMakeLists.txt).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cli/common_options.h"
#include "cli/exit_code.h"
#include "cli/json_output.h"
#include "cli/option_table.h"
#include "cli/paint.h"
#include "peer/base/progress.h"
#include "peer/device/device.h"

namespace peer::cli {

enum class Group { kLearn, kMeasure, kHistory, kHelp, kHidden };

struct Positional {
  std::string_view name;  // POOL
  std::string_view help;
  bool optional = false;
  bool repeated = false;  // the last one alone: takes every further word
};

inline constexpr Positional kPoolArgument{"POOL", "the pool's directory"};

struct Example {
  std::string_view line;  // without `peer-cli`
  std::string_view does;
};

struct CommandInfo {
  std::string_view name;
  Group group = Group::kHidden;
  std::string_view summary;  // one line
  std::string_view details = "";
  std::vector<Positional> positionals = {};
  std::vector<std::string_view> required = {};  // options without which the command means nothing
  std::vector<Example> examples = {};
  std::string_view json = "";  // the keys of the document that --json prints
  bool text_only = false;      // prints text for a person or a shell: takes no common options
};

// One run of a command.
struct Call {
  const CommonOptions& common;
  const std::vector<Setting>& given;  // what the user set: first the config file's, then the command line's
  const std::map<std::string, std::string, std::less<>>& positionals;
  std::ostream& out;                       // results
  Progress& progress;                      // stderr
  Paint paint;                             // of `out`
  std::vector<std::string> repeated = {};  // the words of a repeated positional

  // The positional's text, or `otherwise` when it was left out.
  std::string argument(std::string_view name, std::string_view otherwise = "") const {
    const auto found = positionals.find(name);
    return found == positionals.end() ? std::string(otherwise) : found->second;
  }
  // Where to compute. Of --device auto on a machine without a CUDA device it is the CPU, and a note says why. DeviceError when the system
  // refuses the threads.
  Device device() const;
  std::int64_t expert_memory_bytes() const { return static_cast<std::int64_t>(common.device_memory * 1e9); }
  void print(const Json& document) const { out << json_text(document) << '\n'; }

  // Sets in `options` what the user gave, and nothing else: for options whose defaults are known late (a preset, a stored model).
  template <class Options>
  void apply_given(Options& options) const {
    OptionTable table;
    table.add(options);
    for (const Setting& setting : given)
      if (table.find(setting.name)) table.apply(setting);
  }
};

struct Command {
  CommandInfo info;
  OptionTable options;  // bound to the values that `run` will see
  std::shared_ptr<CommonOptions> common;
  std::function<int(Call&)> run;
};

template <class... Options>
Command make_command(CommandInfo info, int (*run)(Call&, const Options&...)) {
  Command command;
  auto values = std::make_shared<std::tuple<Options...>>();
  std::apply([&](Options&... structs) { (command.options.add(structs), ...); }, *values);
  command.common = std::make_shared<CommonOptions>();
  if (!info.text_only) command.options.add(*command.common);
  command.info = std::move(info);
  command.run = [run, values](Call& call) { return std::apply([&](const Options&... structs) { return run(call, structs...); }, *values); };
  return command;
}

}  // namespace peer::cli

namespace peer {
template <>
struct EnumNames<cli::Group> {
  static constexpr std::pair<cli::Group, std::string_view> values[] = {{cli::Group::kLearn, "Learn"},
                                                                       {cli::Group::kMeasure, "Measure and use"},
                                                                       {cli::Group::kHistory, "History"},
                                                                       {cli::Group::kHelp, "Help"}};
};
}  // namespace peer
