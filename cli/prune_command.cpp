#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "cli/text_table.h"
#include "trainer/state/stored_state.h"

namespace peer::cli {
namespace {

struct PruneOptions {
  bool dry_run = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.dry_run, OptionInfo{"dry-run", "say what would be removed, and remove nothing"});
  }
};

int run(Call& call, const PruneOptions& options) {
  const pool::Removal removal = options.dry_run ? pool::Removal::kNo : pool::Removal::kYes;
  pool::Pool pool = open_pool(call, options.dry_run ? pool::Access::kRead : pool::Access::kWrite);
  const pool::PruneReport report =
      pool.prune([&](const pool::Generation& generation) { return trainer::is_unfinished(generation.state); }, removal);
  if (call.common.json) {
    call.print({{"removed", !options.dry_run}, {"generations", report.generations}, {"files", report.files}, {"bytes", report.bytes}});
    return kDone;
  }
  call.out << fmt::format("{} {}, {}: {}\n", options.dry_run ? "would remove" : "removed", counted(report.generations, "unfinished state"),
                          counted(report.files, "file"), human_bytes(report.bytes));
  return kDone;
}

}  // namespace

Command prune_command() {
  return make_command(
      {.name = "prune",
       .group = Group::kHistory,
       .summary = "Free the disk of unfinished states that nothing goes back to",
       .details = "Removes what --checkpoint-every and interruptions left of stages that went on or were discarded, and files "
                  "that no generation refers to. Every finished generation stays, and so does a stage that waits for --resume.",
       .positionals = {kPoolArgument},
       .examples = {{"prune my-pool --dry-run", "how much that would be"}},
       .json = R"({"removed", "generations", "files", "bytes"})"},
      run);
}

}  // namespace peer::cli
