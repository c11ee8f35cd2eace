#include "tests/bench/continual/figure_text.h"

#include <cmath>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "cli/comparison_table.h"
#include "cli/text_table.h"
#include "peer/base/error.h"
#include "tests/bench/continual/oracle_label.h"
#include "trainer/report/claims.h"
#include "trainer/report/report_words.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::continual {
namespace {

// The loss of the last stage's domain right after it.
double newest_loss(const std::string& path) {
  const pool::Pool pool = pool::Pool::open(path, pool::Access::kRead);
  const trainer::History history = trainer::parse_state(pool.generation(pool.resolve(trainer::kHead)).state, path).history;
  return history.stages.back().loss.at(history.stages.back().domain);
}

// A line a domain, a column a method: means over seeds.
std::string alone_text(SuiteRunner& runner, const Suite& suite, const Figure& figure) {
  std::vector<cli::TextTable::Column> columns = {{"alone after the base"}};
  for (const std::string& method : figure.methods) columns.push_back({method, cli::Align::kRight});
  cli::TextTable table(columns);
  for (const std::string& order : figure.orders) {
    Words row = {suite.order(order).domains.front()};
    for (const std::string& method : figure.methods) {
      double sum = 0;
      for (const std::int64_t seed : figure.seeds)
        sum += runner.finished(method, order, seed) ? newest_loss(runner.pool_of(method, order, seed)) : trainer::kMissing;
      row.push_back(trainer::decimal(sum / static_cast<double>(figure.seeds.size())));
    }
    table.add(row);
  }
  return table.text() + "bits per byte\n";
}

std::string oracle_text(SuiteRunner& runner, const Figure& figure, int threads) {
  std::vector<std::string> pools;
  for (const std::string& order : figure.orders)
    for (const std::int64_t seed : figure.seeds)
      if (runner.finished(figure.oracle, order, seed)) pools.push_back(runner.pool_of(figure.oracle, order, seed));
  if (pools.empty()) return "";
  const OracleScore score = oracle_score(pools, threads);
  return fmt::format("\n{} if every document's domain were known (oracle): new {}, average {}\n", figure.oracle,
                     trainer::decimal(score.new_loss), trainer::decimal(score.average));
}

struct FinishedRuns {
  std::vector<trainer::ComparedRun> runs;
  Words missing;
};

FinishedRuns finished_runs(SuiteRunner& runner, const Figure& figure) {
  FinishedRuns found;
  for (const std::string& method : figure.methods)
    for (const std::string& order : figure.orders)
      for (const std::int64_t seed : figure.seeds) {
        if (!runner.finished(method, order, seed)) {
          found.missing.push_back(fmt::format("{} {} {}", method, order, seed));
          continue;
        }
        const pool::Pool pool = pool::Pool::open(runner.pool_of(method, order, seed), pool::Access::kRead);
        found.runs.push_back(trainer::read_run(pool, trainer::kHead, method));
      }
  return found;
}

const trainer::ComparedGroup* group_of(const trainer::Comparison& comparison, const std::string& name) {
  for (const trainer::ComparedGroup& group : comparison.groups)
    if (group.name == name) return &group;
  return nullptr;
}

bool has(const std::vector<trainer::ComparedRun>& runs, const std::string& name) {
  for (const trainer::ComparedRun& run : runs)
    if (run.name == name) return true;
  return false;
}

std::string claims_of(const trainer::Comparison& comparison, const ClaimRoles& roles) {
  const auto* method = group_of(comparison, roles.method);
  const auto* naive = group_of(comparison, roles.naive);
  const auto* joint = group_of(comparison, roles.joint);
  const auto* replay = group_of(comparison, roles.replay);
  if (!method || !naive || !joint || !replay) return "";
  return '\n' + cli::claims_text(trainer::judge(*method, *naive, *joint, *replay));
}

}  // namespace

std::string figure_text(SuiteRunner& runner, const Suite& suite, const Figure& figure) {
  if (figure.alone) return fmt::format("{}: {}\n\n", figure.name, fmt::join(suite.stage, " ")) + alone_text(runner, suite, figure);
  FinishedRuns finished = finished_runs(runner, figure);
  std::string text = fmt::format("{}: {}; orders:", figure.name, fmt::join(suite.stage, " "));
  for (const std::string& order : figure.orders)
    text += fmt::format(" {} ({} {})", order, suite.base_domain, fmt::join(suite.order(order).domains, " "));
  text += fmt::format("; seeds: {}\n\n", fmt::join(figure.seeds, " "));
  const bool complete = finished.missing.empty();
  if (!finished.runs.empty()) {
    const std::string baseline = has(finished.runs, figure.baseline) ? figure.baseline : "";
    const trainer::Comparison comparison = trainer::compare(std::move(finished.runs), baseline);
    text += cli::comparison_text(comparison);
    if (figure.by_stage) text += '\n' + cli::stages_text(comparison);
    if (!figure.oracle.empty()) text += oracle_text(runner, figure, runner.threads());
    text += claims_of(comparison, figure.claims);
  }
  if (!complete) text += fmt::format("\nnot finished: {}\n", fmt::join(finished.missing, ", "));
  return text;
}

std::string tuning_text(SuiteRunner& runner, const Suite& suite, const Words& methods) {
  if (suite.tuning.candidates.empty()) return "";
  std::vector<cli::TextTable::Column> columns = {{"strategy"}};
  for (const Candidate& candidate : suite.tuning.candidates) columns.push_back({candidate.name, cli::Align::kRight});
  columns.push_back({"chosen"});
  cli::TextTable table(columns);
  for (const std::string& method : methods) {
    Words row = {method};
    for (const Candidate& candidate : suite.tuning.candidates) row.push_back(trainer::decimal(runner.tuning_loss(method, candidate)));
    const Candidate* chosen = runner.chosen(method);
    row.push_back(chosen ? chosen->name : "-");
    table.add(row);
  }
  return table.text() + fmt::format("bits per byte on {} after its stage, on text that no table below is about\n", suite.tuning.domain);
}

bool put_into_page(const std::string& page, const std::string& name, const std::string& text) {
  std::stringstream stream;
  stream << std::ifstream(page).rdbuf();
  std::string content = stream.str();
  if (content.empty()) throw IoError(fmt::format("'{}' cannot be read", page));
  const std::string begin = fmt::format("<!-- figure {} -->\n", name), end = fmt::format("<!-- end of figure {} -->\n", name);
  const std::size_t first = content.find(begin), last = content.find(end);
  if (first == content.npos || last == content.npos || last < first) return false;
  const std::size_t from = first + begin.size();
  content.replace(from, last - from, fmt::format("```\n{}```\n", text));
  std::ofstream file(page, std::ios::binary | std::ios::trunc);
  file << content << std::flush;
  if (!file) throw IoError(fmt::format("'{}' cannot be written", page));
  return true;
}

}  // namespace peer::continual
