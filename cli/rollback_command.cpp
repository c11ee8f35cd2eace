#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "peer/base/error.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::cli {
namespace {

struct RollbackOptions {
  std::string to;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.to, OptionInfo{"to", "the state to return to: a tag, g12, head~1 or a digest", "REF"});
  }
};

// A stage that was interrupted goes on with --resume, from its last state alone; of one that is over nothing does.
[[noreturn]] void refuse_unfinished(const pool::Pool& pool, const pool::Generation& unfinished) {
  const auto is_unfinished = [&](GenerationId id) { return id.valid() && trainer::is_unfinished(pool.generation(id).state); };
  GenerationId finished = unfinished.parent;
  while (is_unfinished(finished)) finished = pool.generation(finished).parent;
  const GenerationId waiting = pool.ref(trainer::kResume).value_or(GenerationId{});
  GenerationId of_stage = waiting;
  while (of_stage != unfinished.id && is_unfinished(of_stage)) of_stage = pool.generation(of_stage).parent;
  const bool waits = waiting.valid() && of_stage == unfinished.id;
  throw UsageError(fmt::format("{} is an unfinished state ({}), and head must be a finished one: the one before it is {}; {}",
                               label(unfinished.id), unfinished.message, label(finished),
                               waits ? "its stage waits at " + label(waiting) + ": to go on with it, --resume" : "its stage is over"));
}

int run(Call& call, const RollbackOptions& options) {
  pool::Pool pool = open_pool(call, pool::Access::kWrite);
  const GenerationId previous = pool.resolve("head"), target = pool.resolve(options.to);
  const pool::Generation generation = pool.generation(target);
  if (trainer::is_unfinished(generation.state)) refuse_unfinished(pool, generation);
  if (previous != target) pool.move_ref("head", target, fmt::format("rollback to {}", options.to));
  const std::string undo = fmt::format("peer-cli rollback {} --to {}", pool.path(), label(previous));
  if (call.common.json) {
    call.print({{"head", json_of(target)}, {"previous", json_of(previous)}, {"undo", undo}});
  } else if (previous == target) {
    call.out << fmt::format("head is {} already\n", label(target));
  } else {
    call.out << fmt::format("head: {} -> {} ({})\n", label(previous), call.paint.bold(label(target)), generation.message);
    call.progress.note("nothing is lost; to undo: " + undo);
  }
  return kDone;
}

}  // namespace

Command rollback_command() {
  return make_command(
      {.name = "rollback",
       .group = Group::kHistory,
       .summary = "Return to an earlier state, bit for bit, or forward again",
       .details = "Moves head and nothing else, in constant time: every generation stays and can be returned to, until prune --unnamed.",
       .positionals = {kPoolArgument},
       .required = {"to"},
       .examples = {{"rollback my-pool --to head~1", "undo the newest commit"},
                    {"rollback my-pool --to g7", "go to generation 7, earlier or later"}},
       .json = R"({"head", "previous", "undo"})"},
      run);
}

}  // namespace peer::cli
