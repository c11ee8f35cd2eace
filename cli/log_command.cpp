#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "cli/text_table.h"
#include "peer/base/error.h"

namespace peer::cli {
namespace {

struct LogOptions {
  bool all = false;
  bool moves = false;
  std::int64_t limit = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.all, OptionInfo{"all", "every generation of the pool, also those that REF does not descend from"});
    visit(self.moves, OptionInfo{"moves", "also every move of head and of tags, newest first: how to find a state after a rollback"});
    visit(self.limit, OptionInfo{"limit", "the newest N alone; 0: all", "generations"});
  }
};

std::vector<pool::Generation> history(const pool::Pool& pool, const std::string& ref, const LogOptions& options) {
  std::vector<pool::Generation> history;
  const auto full = [&] { return options.limit > 0 && static_cast<std::int64_t>(history.size()) >= options.limit; };
  if (options.all) {
    const std::vector<GenerationId> ids = pool.generations();
    for (auto id = ids.rbegin(); id != ids.rend() && !full(); ++id) history.push_back(pool.generation(*id));
  } else {
    for (GenerationId id = pool.resolve(ref); id.valid() && !full(); id = history.back().parent) history.push_back(pool.generation(id));
  }
  return history;
}

std::string history_text(const std::vector<pool::Generation>& history, const NamesByGeneration& names, const Paint& paint) {
  TextTable table({{"id"}, {"digest"}, {"parent"}, {"created"}, {"names"}, {"message"}});
  for (const pool::Generation& g : history)
    table.add({paint.bold(label(g.id)), short_digest(g), label(g.parent), g.created, paint.green(joined_names(names, g.id)), g.message});
  return table.text();
}

std::string moves_text(const std::vector<pool::RefLogEntry>& moves) {
  TextTable table({{"move", Align::kRight}, {"name"}, {"from"}, {"to"}, {"when"}, {"reason"}});
  for (const pool::RefLogEntry& move : moves)
    table.add({std::to_string(move.sequence), move.ref, label(move.from), label(move.to), move.when, move.reason});
  return table.text();
}

Json moves_json(const std::vector<pool::RefLogEntry>& moves) {
  Json list = Json::array();
  for (const pool::RefLogEntry& move : moves)
    list.push_back({{"sequence", move.sequence},
                    {"name", move.ref},
                    {"from", json_of(move.from)},
                    {"to", json_of(move.to)},
                    {"when", move.when},
                    {"reason", move.reason}});
  return list;
}

int run(Call& call, const LogOptions& options) {
  if (options.limit < 0) throw UsageError(fmt::format("option 'limit': expected 0 or more, found {}", options.limit));
  const pool::Pool pool = open_pool(call, pool::Access::kRead);
  const NamesByGeneration names = names_by_generation(pool);
  std::vector<pool::Generation> generations;
  if (!pool.empty()) generations = history(pool, call.argument("REF", "head"), options);
  if (call.common.json) {
    Json document = {{"pool", pool.path()}, {"generations", Json::array()}};
    for (const pool::Generation& generation : generations) document["generations"].push_back(summary_json(generation, names));
    if (options.moves) document["moves"] = moves_json(pool.reflog());
    call.print(document);
    return kDone;
  }
  if (generations.empty())
    call.progress.note("no generation: the pool was never finished; remove it, and run peer-cli init or peer-cli import again");
  else
    call.out << history_text(generations, names, call.paint);
  if (options.moves) call.out << '\n' << moves_text(pool.reflog());
  return kDone;
}

}  // namespace

Command log_command() {
  return make_command(
      {.name = "log",
       .group = Group::kHistory,
       .summary = "List the generations from head back, with their names",
       .positionals = {kPoolArgument, {"REF", "where to start: head, a tag, g12, head~2 or a digest (default: head)", true}},
       .examples = {{"log my-pool", "the way to the present state"},
                    {"log my-pool --all --moves", "everything, also what a rollback left behind"}},
       .json = R"({"pool", "generations": [{"id", "digest", "parent", "created", "message", "names"}], "moves" (with --moves)})"},
      run);
}

}  // namespace peer::cli
