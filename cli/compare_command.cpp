#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/comparison_table.h"
#include "cli/generation_summary.h"
#include "cli/output_file.h"
#include "pool/pool.h"
#include "trainer/report/comparison_report.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::cli {
namespace {

struct CompareOptions {
  std::string names, baseline, html, csv;
  bool stages = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.names, OptionInfo{"names", "what to call the pools, in their order; pools of one name are runs of one strategy", "A,B,..."});
    visit(self.baseline, OptionInfo{"baseline", "the name that all differences are to; none: that of the first pool", "NAME"});
    visit(self.stages, OptionInfo{"stages", "also a line for each stage"});
    visit(self.html, OptionInfo{"html", "also write one self-contained page", "FILE"});
    visit(self.csv, OptionInfo{"csv", "also write the numbers, one line each", "FILE"});
  }
};

struct RunArgument {
  std::string name, pool, ref = trainer::kHead;
};

// NAME=POOL@REF, where NAME= and @REF may be left out; a folder that exists is a folder, whatever its name.
RunArgument parse_run(const std::string& word) {
  RunArgument run{.name = "", .pool = word};
  if (!std::filesystem::exists(word)) {
    const std::size_t equals = word.find('=');
    if (equals != word.npos && word.find('/') > equals) run.name = word.substr(0, equals), run.pool = word.substr(equals + 1);
    if (const std::size_t at = run.pool.rfind('@'); at != run.pool.npos && !std::filesystem::exists(run.pool))
      run.ref = run.pool.substr(at + 1), run.pool.resize(at);
  }
  return run;
}

std::vector<std::string> split_names(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

// Names that were not given: the folder's, or the whole word where two folders are called alike. Only a given name makes a group.
void name_the_rest(const std::vector<std::string>& words, std::vector<RunArgument>& runs) {
  std::vector<std::string> folders;
  for (const RunArgument& run : runs) folders.push_back((std::filesystem::path(run.pool) / "").lexically_normal().parent_path().filename());
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (runs[i].name.empty())
      runs[i].name = !folders[i].empty() && std::count(folders.begin(), folders.end(), folders[i]) == 1 ? folders[i] : words[i];
}

std::vector<RunArgument> parse_runs(const std::vector<std::string>& words, const std::string& names) {
  std::vector<RunArgument> runs;
  for (const std::string& word : words) runs.push_back(parse_run(word));
  const std::vector<std::string> given = split_names(names);
  if (!given.empty() && given.size() != runs.size())
    throw UsageError(
        fmt::format("option 'names': expected {} names with commas between them, one a pool, found {}", runs.size(), given.size()));
  for (std::size_t i = 0; i < given.size(); ++i) runs[i].name = given[i];
  name_the_rest(words, runs);
  return runs;
}

int run(Call& call, const CompareOptions& options) {
  std::vector<trainer::ComparedRun> runs;
  std::map<std::pair<std::string, GenerationId>, std::string> seen;
  for (const RunArgument& argument : parse_runs(call.repeated, options.names)) {
    const pool::Pool pool = pool::Pool::open(argument.pool, pool::Access::kRead);
    const auto state = std::pair(std::filesystem::canonical(argument.pool).string(), pool.resolve(argument.ref));
    if (const auto [twin, is_new] = seen.emplace(state, argument.name); !is_new)
      throw UsageError(fmt::format("'{}' and '{}' are one state, {} of {}: it would count as two runs", twin->second, argument.name,
                                   label(state.second), argument.pool));
    const pool::Generation generation = pool.generation(state.second);
    if (trainer::is_unfinished(generation.state))
      throw UsageError(
          fmt::format("{}: {} is an unfinished state ({}), whose domains were not scored yet: expected a finished one, such as head",
                      argument.pool, label(state.second), generation.message));
    runs.push_back(trainer::read_run(pool, argument.ref, argument.name));
  }
  const trainer::Comparison comparison = trainer::compare(std::move(runs), options.baseline);
  if (!options.html.empty()) write_output_file(options.html, trainer::comparison_html(comparison));
  if (!options.csv.empty()) write_output_file(options.csv, trainer::comparison_csv(comparison));
  call.out << (call.common.json ? trainer::comparison_json(comparison) : comparison_text(comparison));
  if (options.stages && !call.common.json) call.out << '\n' << stages_text(comparison);
  return kDone;
}

}  // namespace

Command compare_command() {
  return make_command(
      {.name = "compare",
       .group = Group::kMeasure,
       .summary = "Several runs side by side on the same domains: what each learnt, forgot and cost",
       .details = "The pools must have learnt the same domains from the same held-out documents; differences are paired by document. Pools "
                  "of one name (seeds, orders) are runs of one strategy, with a t-interval over them.",
       .positionals = {{.name = "POOL", .help = "pools to compare, each as POOL, POOL@REF or NAME=POOL@REF", .repeated = true}},
       .examples = {{"compare grow naive replay --baseline naive", "three pools"},
                    {"compare grow=g1 grow=g2 naive=n1 naive=n2 --html compare.html", "two seeds of two strategies, and a page"},
                    {"compare my-pool@g4 my-pool@head",
                     "two states of one pool that know the same domains: before and after a folding, say"}},
       .json =
           R"({"domains", "baseline", "margin", "unit", "strategies": [{"name", "runs", "new", "forgetting", "average", "bwt": {"value", "documents", "runs", "difference"}, ...}]})"},
      run);
}

}  // namespace peer::cli
