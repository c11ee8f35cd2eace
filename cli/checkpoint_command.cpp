#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "peer/base/error.h"
#include "trainer/state/session.h"

namespace peer::cli {
namespace {

struct CheckpointOptions {
  std::string tag;
  std::string at = "head";
  bool move = false;
  bool remove = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.tag, OptionInfo{"tag", "the name to give", "NAME"});
    visit(self.at, OptionInfo{"at", "the generation to name: head, a tag, g12, head~2 or a digest", "REF"});
    visit(self.move, OptionInfo{"move", "let a tag that names another generation move to this one"});
    visit(self.remove, OptionInfo{"remove", "remove the tag instead; the generation stays"});
  }
};

int finish(Call& call, const std::string& tag, GenerationId previous, GenerationId now, const std::string& line) {
  if (call.common.json)
    call.print({{"tag", tag}, {"previous", json_of(previous)}, {"generation", json_of(now)}});
  else
    call.out << line << '\n';
  return kDone;
}

int run(Call& call, const CheckpointOptions& options) {
  if (options.tag == trainer::kHead) throw UsageError("tag 'head': that name is the present state; peer-cli rollback moves it");
  if (trainer::is_stage_ref(options.tag))
    throw UsageError(fmt::format("tag '{}': train, stream and consolidate move that name; choose another", options.tag));
  pool::Pool pool = open_pool(call, pool::Access::kWrite);
  const GenerationId previous = pool.ref(options.tag).value_or(GenerationId{});
  if (options.remove) {
    if (!previous.valid()) throw UsageError(fmt::format("tag '{}': there is none to remove; peer-cli log lists them", options.tag));
    pool.delete_ref(options.tag, "checkpoint: removed");
    return finish(call, options.tag, previous, {}, fmt::format("tag {} removed (it named {})", options.tag, label(previous)));
  }
  const GenerationId target = pool.resolve(options.at);
  if (previous == target)
    return finish(call, options.tag, previous, target, fmt::format("{} names {} already", options.tag, label(target)));
  if (previous.valid() && !options.move)
    throw UsageError(fmt::format("tag '{}' names {} already; choose another name, or give --move to let it name {}", options.tag,
                                 label(previous), label(target)));
  pool.move_ref(options.tag, target, "checkpoint");
  return finish(call, options.tag, previous, target, fmt::format("{} now names {}", options.tag, label(target)));
}

}  // namespace

Command checkpoint_command() {
  return make_command({.name = "checkpoint",
                       .group = Group::kHistory,
                       .summary = "Give a generation a name that no later training moves",
                       .positionals = {kPoolArgument},
                       .required = {"tag"},
                       .examples = {{"checkpoint my-pool --tag base-en", "name the present state"},
                                    {"checkpoint my-pool --tag before-cpp --at head~1", "name its parent"}},
                       .json = R"({"tag", "previous", "generation"})"},
                      run);
}

}  // namespace peer::cli
