#include "cli/commands.h"
#include "cli/commands_markdown.h"

namespace peer::cli {
namespace {

int run(Call& call) {
  call.out << commands_markdown(all_commands());
  return kDone;
}

}  // namespace

Command docs_command() {
  return make_command({.name = "docs",
                       .group = Group::kHidden,
                       .summary = "Print docs/commands.md",
                       .examples = {{"docs", "what belongs into docs/commands.md"}},
                       .text_only = true},
                      run);
}

}  // namespace peer::cli
