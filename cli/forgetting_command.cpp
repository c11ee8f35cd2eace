#include <fstream>

#include <fmt/format.h>

#include "cli/command.h"
#include "trainer/report.h"
#include "trainer/session.h"

namespace peer::cli {
namespace {

struct ReportOptions {
  std::string at = "head";
  std::string html;
  std::string csv;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.at, OptionInfo{"at", "the state to report on: head, a tag, g12, head~1", "REF"});
    visit(self.html, OptionInfo{"html", "also write one self-contained page", "FILE"});
    visit(self.csv, OptionInfo{"csv", "also write the matrix, one line a cell", "FILE"});
  }
};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file) throw IoError("'" + path + "' cannot be written; check the folder, its permissions and the space left");
}

int run(Call& call, const ReportOptions& options) {
  const trainer::Session session = trainer::open_session(call.argument("POOL"), options.at, pool::Access::kRead,
                                                         parse_device(call.common.device), static_cast<int>(call.common.threads));
  const trainer::ForgettingReport report = trainer::make_report(session);
  if (!options.html.empty()) write_file(options.html, trainer::report_html(report));
  if (!options.csv.empty()) write_file(options.csv, trainer::report_csv(report));
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
       .examples = {{"forgetting my-pool", "the table"}, {"forgetting my-pool --html report.html", "and a page to show around"}},
       .json =
           R"({"domains", "stages", "matrix", "forgetting": {"mean", "max", "low", "high", "margin"}, "bwt", "fwt", "plasticity", "retention", "unit"})"},
      run);
}

}  // namespace peer::cli
