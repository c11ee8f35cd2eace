
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/output_file.h"
#include "trainer/evaluation/references.h"
#include "trainer/report/forgetting_report.h"
#include "trainer/report/report.h"
#include "trainer/state/session.h"

namespace peer::cli {
namespace {

struct ReportOptions {
  std::string at = "head";
  std::string html;
  std::string csv;
  bool usage = false;
  std::string joint;
  std::vector<std::string> oracle;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.at, OptionInfo{"at", "the state to report on: head, a tag, g12, head~1", "REF"});
    visit(self.html, OptionInfo{"html", "also write one self-contained page", "FILE"});
    visit(self.csv, OptionInfo{"csv", "also write the matrix, one line a cell", "FILE"});
    visit(self.usage, OptionInfo{"usage",
                                 "also read the held-out text again, twice with every view: which experts are used, what each "
                                 "generation is worth, who predicts along a document"});
    visit(self.joint, OptionInfo{"joint", "a pool that learnt the same domains jointly (--strategy joint): adds intransigence", "POOL"});
    visit(self.oracle, OptionInfo{"oracle", "pools that were trained for one domain each, or for all at once: adds regret", "POOL"});
  }
};

void add_references(trainer::ForgettingReport& report, const trainer::History& history, const ReportOptions& options) {
  if (!options.joint.empty()) report.matrix.joint = trainer::joint_losses(history, trainer::read_reference(options.joint));
  std::vector<trainer::ReferencePool> oracles;
  for (const std::string& path : options.oracle) oracles.push_back(trainer::read_reference(path));
  if (!oracles.empty()) report.matrix.oracle = trainer::oracle_losses(history, oracles);
}

// The mixture is that of --usage: the stored losses are what they are.
int run(Call& call, const ReportOptions& options, const model::MixtureOptions& mixture) {
  trainer::Session session = trainer::open_session(call.argument("POOL"), options.at, pool::Access::kRead, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  trainer::ForgettingReport report = trainer::make_report(session);
  add_references(report, session.loaded.history, options);
  if (options.usage) report.inside = trainer::look_closely(session, {}, mixture, call.progress);
  if (!options.html.empty()) write_output_file(options.html, trainer::report_html(report));
  if (!options.csv.empty()) write_output_file(options.csv, trainer::report_csv(report));
  call.out << (call.common.json ? trainer::report_json(report) : trainer::report_text(report));
  return kDone;
}

}  // namespace

Command forgetting_command() {
  return make_command(
      {.name = "forgetting",
       .group = Group::kMeasure,
       .summary = "What was learnt and what was forgotten: the matrix of bits per byte, domain by stage",
       .positionals = {kPoolArgument},
       .examples = {{"forgetting my-pool", "the table"},
                    {"forgetting my-pool --html report.html --usage", "and a page to show around, with the experts and views inside"},
                    {"forgetting my-pool --joint other-pool", "against a pool that learnt the same text jointly"}},
       .json =
           R"({"domains", "stages", "matrix", "forgetting": {"mean", "max", "low", "high", "margin"}, "equivalence", "bwt", "fwt", "plasticity", "retention", "area", "intransigence", "regret", "stability_gap", "usage", "causal_value", "documents", "unit"})"},
      run);
}

}  // namespace peer::cli
