#include <algorithm>

#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "cli/text_table.h"
#include "peer/base/error.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::cli {
namespace {

struct PruneOptions {
  bool unnamed = false;
  bool dry_run = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.unnamed, OptionInfo{"unnamed",
                                   "also finished states that no name is or descends from: stages refused by --max-forgetting, but for the "
                                   "last, and what a rollback left; then rollback cannot return to them"});
    visit(self.dry_run, OptionInfo{"dry-run", "say what would be removed, and remove nothing"});
  }
};

bool is_finished(const pool::Generation& generation) { return !trainer::is_unfinished(generation.state); }

// Without head nothing says what is to stay.
void require_head(const pool::Pool& pool) {
  if (!pool.empty() && !pool.ref(trainer::kHead))
    throw CorruptError(pool.path() + ": expected a state that is called head, found none; see log --all --moves, and name one by rollback");
}

Json report_json(const pool::PruneReport& report, bool removed) {
  Json document = {{"removed", removed},
                   {"generations", report.generations},
                   {"files", report.files},
                   {"bytes", report.bytes},
                   {"states", Json::array()}};
  for (const pool::Generation& generation : report.removed) {
    Json state = summary_json(generation, {});
    state["finished"] = is_finished(generation);
    state.erase("names");
    document["states"].push_back(std::move(state));
  }
  return document;
}

std::string finished_text(const pool::PruneReport& report, const Paint& paint) {
  TextTable table({{"id"}, {"digest"}, {"parent"}, {"created"}, {"message"}});
  for (const pool::Generation& g : report.removed)
    if (is_finished(g)) table.add({paint.bold(label(g.id)), short_digest(g), label(g.parent), g.created, g.message});
  return table.text();
}

int run(Call& call, const PruneOptions& options) {
  const pool::Removal removal = options.dry_run ? pool::Removal::kNo : pool::Removal::kYes;
  pool::Pool pool = open_pool(call, options.dry_run ? pool::Access::kRead : pool::Access::kWrite);
  if (options.unnamed) require_head(pool);
  const pool::PruneReport report =
      pool.prune([&](const pool::Generation& generation) { return options.unnamed || !is_finished(generation); }, removal);
  if (call.common.json) {
    call.print(report_json(report, !options.dry_run));
    return kDone;
  }
  const std::int64_t finished = std::ranges::count_if(report.removed, is_finished);
  std::string states = counted(report.generations - finished, "unfinished state");
  if (options.unnamed) states += ", " + counted(finished, "finished state") + " without a name";
  if (finished > 0) call.out << finished_text(report, call.paint);
  call.out << fmt::format("{} {}, {}: {}\n", options.dry_run ? "would remove" : "removed", states, counted(report.files, "file"),
                          human_bytes(report.bytes));
  if (finished > 0 && options.dry_run)
    call.progress.note(fmt::format("to keep one of them: peer-cli checkpoint {} --tag NAME --at {}", pool.path(),
                                   label(std::ranges::find_if(report.removed, is_finished)->id)));
  return kDone;
}

}  // namespace

Command prune_command() {
  return make_command(
      {.name = "prune",
       .group = Group::kHistory,
       .summary = "Free the disk of unfinished states that nothing goes back to",
       .details = "Removes what --checkpoint-every and interruptions left of stages that went on or were discarded, and files "
                  "that no generation refers to. Every finished generation stays, unless --unnamed is given, and so does a stage that "
                  "waits for --resume. What a name is or descends from always stays: head, resume, refused and the tags that "
                  "checkpoint gives.",
       .positionals = {kPoolArgument},
       .examples = {{"prune my-pool --dry-run", "how much that would be"},
                    {"prune my-pool --unnamed --dry-run", "which finished states nothing leads to, and what they take"}},
       .json = R"({"removed", "generations", "files", "bytes", "states": [{"id", "digest", "parent", "created", "message", "finished"}]})"},
      run);
}

}  // namespace peer::cli
