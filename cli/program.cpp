#include "cli/program.h"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <system_error>

#include <fmt/format.h>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/option_limits.h"
#include "cli/terminal.h"
#include "cli/thread_limit.h"
#include "peer/base/error.h"
#include "peer/device/cpu_path.h"
#include "peer/device/device.h"

namespace peer::cli {
namespace {

bool is_help(const std::string& word) { return word == "--help" || word == "-h"; }

bool asks_for_help(const std::vector<std::string>& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::any_of(words.begin(), end, is_help);
}

int run_command(const Command& command, const std::vector<std::string>& words, std::ostream& out, std::ostream& errors) {
  const Arguments arguments = apply_arguments(command, words);
  const CommonOptions& common = *command.common;
  if (common.device != kAutoDevice) parse_device(common.device);
  check_limits(common);
  const std::string color = to_text(common.color);
  Terminal terminal(errors, look_of_stderr(wants_color(STDERR_FILENO, color)));
  SilentProgress silent;
  Progress& progress = common.quiet ? static_cast<Progress&>(silent) : terminal;
  Call call{common, arguments.settings, arguments.positionals, out, progress, {wants_color(STDOUT_FILENO, color)}, arguments.repeated};
  return command.run(call);
}

int dispatch(const std::vector<std::string>& words, std::ostream& out, std::ostream& errors) {
  const std::vector<Command> commands = all_commands();
  if (words.empty()) {
    errors << overview_help(commands);
    return kUsage;
  }
  if (is_help(words[0])) {
    out << overview_help(commands);
    return kDone;
  }
  if (words[0] == "--version") {
    const std::string path = to_text(chosen_cpu_path());  // may throw: before a word is printed
    out << "peer-cli " PEER_VERSION ", CPU path " << path << '\n';
    return kDone;
  }
  if (words[0].starts_with("-")) throw UsageError(fmt::format("expected a command before '{}'; peer-cli --help lists them", words[0]));
  const Command& command = find_command(commands, words[0]);
  const std::vector<std::string> rest(words.begin() + 1, words.end());
  if (asks_for_help(rest)) {
    out << command_help(command);
    return kDone;
  }
  return run_command(command, rest, out, errors);
}

int report(std::ostream& errors, std::string line, int code) {
  std::replace(line.begin(), line.end(), '\n', ' ');  // a library's message may hold several lines: scripts read one
  errors << Paint{wants_color(STDERR_FILENO, "auto")}.red("peer-cli:") << ' ' << line << std::endl;
  return code;
}

std::string unexpected(const std::exception& error) { return fmt::format("unexpected failure: {}", error.what()); }

}  // namespace

int report_failures(std::ostream& errors, const std::function<int()>& run) {
  try {
    return run();
  } catch (const Error& error) {
    return report(errors, error.what(), error.exit_code());
  } catch (const std::bad_alloc&) {
    return report(errors, "out of memory; a smaller preset, batch or number of experts needs less (--dry-run prints how much)", kFailure);
  } catch (const std::system_error& error) {
    return report(errors, error.code() == std::errc::resource_unavailable_try_again ? thread_refused(error) : unexpected(error), kFailure);
  } catch (const std::exception& error) {
    return report(errors, unexpected(error), kFailure);
  }
}

int run_program(const std::vector<std::string>& words, std::ostream& out, std::ostream& errors) {
  return report_failures(errors, [&] {
    const int code = dispatch(words, out, errors);
    if (!out.flush()) throw IoError("standard output: the result could not be written; is the disk full?");
    return code;
  });
}

}  // namespace peer::cli
