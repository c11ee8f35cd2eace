#include <fmt/format.h>

#include "cli/command.h"
#include "cli/generation_summary.h"
#include "cli/model_cost_text.h"
#include "cli/option_limits.h"
#include "peer/model/presets.h"
#include "trainer/state/session.h"

namespace peer::cli {
namespace {

struct InitOptions {
  std::string preset = "tiny";
  bool dry_run = false;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.preset,
          OptionInfo{"preset", "tiny (1M active parameters), small (10M), base (100M); every field can be set beside it", "NAME"});
    visit(self.dry_run, OptionInfo{"dry-run", "print parameters, FLOPs a token and memory, and make nothing"});
  }
};

int run(Call& call, const InitOptions& options, const model::ModelOptions&, const model::DeltaOptions&) {
  const model::Preset& preset = model::preset(options.preset);
  model::ModelOptions shape = preset.model;
  model::DeltaOptions delta = preset.delta;
  call.apply_given(shape);
  call.apply_given(delta);
  model::check(shape);
  model::check(delta, shape);
  check_limits(delta);
  const model::ModelCost base = model::cost_of(shape), view = model::cost_of(shape, delta);
  const std::string path = call.argument("POOL");
  Json document = {{"pool", path}, {"base", cost_json(base)}, {"view", cost_json(view)}};
  if (!options.dry_run) {
    check_fits_memory({}, static_cast<double>(base.bytes));
    const pool::CommitReport report = trainer::init_pool(path, shape, delta, static_cast<std::uint64_t>(call.common.seed), call.device(),
                                                         static_cast<int>(call.common.threads));
    document["head"] = json_of(report.id);
    document["bytes_written"] = report.bytes_written;
  }
  if (call.common.json) {
    call.print(document);
    return kDone;
  }
  call.out << fmt::format("base         {}\na view       {}\n", cost_text(base), cost_text(view));
  if (!options.dry_run)
    call.out << fmt::format("{} holds an untrained model; next: peer-cli train {} --domain NAME --from PATH\n", path, path);
  return kDone;
}

}  // namespace

Command init_command() {
  return make_command({.name = "init",
                       .group = Group::kLearn,
                       .summary = "Make a pool with an untrained model",
                       .details = "The model's shape is fixed from here on; the defaults below are those of the tiny preset.",
                       .positionals = {kPoolArgument},
                       .examples = {{"init my-pool --preset tiny", "a model for a laptop"},
                                    {"init my-pool --preset small --layers 8 --dry-run", "what would another shape cost?"}},
                       .json = R"({"pool", "base", "view", "head", "bytes_written"})"},
                      run);
}

}  // namespace peer::cli
