#include <fmt/format.h>

#include "cli/command.h"
#include "cli/generation_summary.h"
#include "cli/option_limits.h"
#include "cli/text_table.h"
#include "peer/model/model_cost.h"
#include "trainer/growth.h"
#include "trainer/state/session.h"

namespace peer::cli {
namespace {

struct GrowOptions {
  std::int64_t experts = 0;
  trainer::GrowMode mode = trainer::GrowMode::kAnnex;
  std::string parent = "auto";

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.experts, OptionInfo{"experts", "experts to add, over all layers (rounded up to whole grids)", "experts"});
    visit(self.mode, OptionInfo{"mode",
                                "annex: a new view with grids of its own, everything older frozen; extend: larger grids of the base, "
                                "for growing while everything is still trained"});
    visit(self.parent, OptionInfo{"parent-view", "the view that an annex grows on; auto: the newest"});
  }
};

int run(Call& call, const GrowOptions& options, const model::DeltaOptions&) {
  if (options.experts <= 0) throw UsageError(fmt::format("option 'experts': expected a number above 0, found {}", options.experts));
  check_experts(options.experts);
  trainer::Session session = trainer::open_session(call.argument("POOL"), trainer::kHead, pool::Access::kWrite, call.device(),
                                                   static_cast<int>(call.common.threads), call.expert_memory_bytes());
  call.apply_given(session.delta);
  check_limits(session.delta);
  const model::ModelOptions& shape = session.loaded.model.options();
  check_fits_memory(session.ctx.device(),
                    static_cast<double>(model::cost_of(shape, trainer::delta_for(shape, session.delta, options.experts)).bytes));
  const pool::CommitReport report = trainer::grow(session, options.experts, options.mode, options.parent, call.progress);
  if (call.common.json) {
    call.print({{"generation", json_of(report.id)},
                {"files_written", report.files_written},
                {"bytes_written", report.bytes_written},
                {"pages_shared", report.pages_shared}});
  } else {
    call.out << fmt::format("g{}  {}; no logit changed, {} written\n", report.id.value, session.pool.generation(report.id).message,
                            human_bytes(report.bytes_written));
  }
  return kDone;
}

}  // namespace

Command grow_command() {
  return make_command({.name = "grow",
                       .group = Group::kLearn,
                       .summary = "Add experts that change nothing until the next `train` teaches them",
                       .positionals = {kPoolArgument},
                       .required = {"experts"},
                       .examples = {{"grow my-pool --experts 1024", "a new view with 1,024 experts over all layers"},
                                    {"grow my-pool --experts 4096 --mode extend", "larger grids for a base that is still being trained"}},
                       .json = R"({"generation", "files_written", "bytes_written", "pages_shared"})"},
                      run);
}

}  // namespace peer::cli
