#include <cmath>

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/generation_summary.h"
#include "cli/interrupt.h"
#include "cli/option_limits.h"
#include "cli/text_table.h"
#include "peer/model/model_cost.h"
#include "trainer/consolidation.h"
#include "trainer/growth.h"

namespace peer::cli {
namespace {

// "A..B" -> the views that generation B has and A has not.
std::vector<int> views_in(const trainer::Session& session, const std::string& range) {
  const std::size_t dots = range.find("..");
  if (dots == std::string::npos || dots == 0 || dots + 2 >= range.size())
    throw UsageError("RANGE: expected FROM..TO, two generations such as g2..head, found '" + range + "'");
  return trainer::views_between(session, session.pool.resolve(range.substr(0, dots)), session.pool.resolve(range.substr(dots + 2)));
}

Json json_of_cost(const trainer::FoldingCost& cost) {
  return {{"domain", cost.domain},
          {"before", cost.before},
          {"after", cost.after},
          {"low", cost.difference.low},
          {"high", cost.difference.high}};
}

void print_outcome(Call& call, const trainer::ConsolidationOutcome& outcome) {
  if (call.common.json) {
    Json costs = Json::array();
    for (const trainer::FoldingCost& cost : outcome.costs) costs.push_back(json_of_cost(cost));
    call.print({{"generation", json_of(outcome.commit.id)},
                {"refused", outcome.refused},
                {"folded", outcome.folded},
                {"view", outcome.view},
                {"parent", outcome.parent},
                {"parameters_before", outcome.parameters_before},
                {"parameters_after", outcome.parameters_after},
                {"bytes_written", outcome.commit.bytes_written},
                {"costs", costs}});
    return;
  }
  call.out << fmt::format("{}  {} folded into {} on {}: {} numbers instead of {}\n", call.paint.bold(label(outcome.commit.id)),
                          fmt::join(outcome.folded, ", "), outcome.view, outcome.parent, outcome.parameters_after,
                          outcome.parameters_before);
  if (outcome.refused)
    call.out << "    refused: it cost more than --max-forgetting allows; head stays, the ref 'refused' names this state\n";
  TextTable table({{"domain"}, {"before", Align::kRight}, {"after", Align::kRight}, {"cost", Align::kRight}, {"95 %"}});
  for (const trainer::FoldingCost& c : outcome.costs)
    table.add({c.domain, fmt::format("{:.4f}", c.before), fmt::format("{:.4f}", c.after), fmt::format("{:+.4f}", c.after - c.before),
               std::isnan(c.difference.low) ? "one document"  // which says nothing about spread
                                            : fmt::format("{:+.4f} to {:+.4f}", c.difference.low, c.difference.high)});
  call.out << table.text() << "bits per byte; a positive cost is what the folding lost\n";
}

int run(Call& call, const trainer::ConsolidationOptions& options, const model::DeltaOptions&, const trainer::TrainOptions& given,
        const trainer::EvaluateOptions& evaluate, const model::MixtureOptions& mixture) {
  trainer::TrainOptions train = given;
  trainer::check(train), trainer::check(evaluate);
  trainer::Session session = trainer::open_session(call.argument("POOL"), trainer::kHead, pool::Access::kWrite, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  call.apply_given(session.delta);
  check_limits(session.delta);
  if (session.loaded.history.imported()) trainer::take_rates_of_import(train), call.apply_given(train);
  const model::ModelOptions& shape = session.loaded.model.options();
  check_fits_memory(session.ctx.device(),
                    static_cast<double>(model::cost_of(shape, trainer::delta_for(shape, session.delta, options.experts)).training_bytes));
  const trainer::ConsolidationOutcome outcome =
      trainer::consolidate(session, views_in(session, call.argument("RANGE")), options, train, evaluate, mixture,
                           static_cast<std::uint64_t>(call.common.seed), call.progress, catch_interrupts());
  print_outcome(call, outcome);
  return outcome.refused ? kForgettingLimit : kDone;
}

}  // namespace

Command consolidate_command() {
  return make_command(
      {.name = "consolidate",
       .group = Group::kLearn,
       .summary = "Fold the views of several stages into one of bounded size, and say what that cost",
       .details = "The views that TO has and FROM has not write text; a new view learns to predict it as each of them does (and, with "
                  "--replay, what the reservoirs kept), takes their place in the mixture, and every domain is scored again. Earlier "
                  "generations still hold the folded views: peer-cli rollback brings them back.\n"
                  "Ctrl-C keeps nothing: head stays as it is.",
       .positionals = {kPoolArgument, {"RANGE", "FROM..TO, two generations on the way to head, such as g2..head"}},
       .examples = {{"consolidate my-pool g2..head", "all views grown after g2 become one"},
                    {"consolidate my-pool g2..g5 --experts 4096 --replay 0.5 --max-forgetting 0.02", "a larger one, or none"}},
       .json = R"({"generation", "refused", "folded", "view", "parent", "parameters_before", "parameters_after", "bytes_written", )"
               R"("costs": [{"domain", "before", "after", "low", "high"}]})"},
      run);
}

}  // namespace peer::cli
