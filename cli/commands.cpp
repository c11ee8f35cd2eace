#include "cli/commands.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer::cli {

Command init_command();
Command import_command();
Command train_command();
Command grow_command();
Command stream_command();
Command eval_command();
Command forgetting_command();
Command consolidate_command();
Command compare_command();
Command inspect_command();
Command generate_command();
Command log_command();
Command show_command();
Command checkpoint_command();
Command rollback_command();
Command prune_command();
Command verify_command();
Command help_command();
Command completion_command();
Command docs_command();

std::vector<Command> all_commands() {
  return {
      init_command(),        import_command(), train_command(),      grow_command(),       stream_command(),
      consolidate_command(), eval_command(),   forgetting_command(), compare_command(),    inspect_command(),
      generate_command(),    log_command(),    show_command(),       checkpoint_command(), rollback_command(),
      prune_command(),       verify_command(), help_command(),       completion_command(), docs_command(),
  };
}

const Command& find_command(const std::vector<Command>& commands, std::string_view name) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.info.name == name) return command;
    if (command.info.group != Group::kHidden) names.emplace_back(command.info.name);
  }
  throw UsageError(fmt::format("unknown command '{}'{}; peer-cli --help lists them", name, did_you_mean(name, names)));
}

}  // namespace peer::cli
