#include "cli/stage_command.h"

#include <filesystem>

#include <fmt/format.h>

#include "cli/interrupt.h"
#include "peer/model/model_cost.h"
#include "streams/corpus.h"
#include "trainer/growth.h"

namespace peer::cli {
namespace {

// A stored run is resumed from whichever folder its user stands in.
void make_absolute(std::vector<std::string>& paths) {
  for (std::string& path : paths)
    if (path != "-") path = std::filesystem::absolute(path).lexically_normal().string();
}

void check_domain(const std::string& domain) {
  if (domain.empty()) throw UsageError("option 'domain' is missing: a name for what the text is about, e.g. --domain cpp");
  for (const unsigned char c : domain)
    if (c <= ' ' || c == '/' || c == ',' || c == 127) throw UsageError("option 'domain': expected a name without spaces, commas or slashes, found '" + domain + "'");
}

int dry_run(Call& call, bool grow_first, const trainer::RunOptions& options, const trainer::Session& session) {
  const streams::Corpus corpus(options.stream);
  const streams::CorpusReport& report = corpus.report();
  const model::ModelOptions& shape = session.loaded.model.options();
  const bool grows = grow_first && options.stage.strategy == trainer::Strategy::kGrow;
  const model::ModelCost base = model::cost_of(shape);
  const model::ModelCost added =
      grows ? model::cost_of(shape, trainer::delta_for(shape, session.loaded.delta, options.stage.experts)) : model::ModelCost{};
  const std::int64_t tokens = options.train.steps * options.train.batch * shape.context;
  call.print({{"domain", options.stage.domain},
              {"files", report.files},
              {"documents", report.documents},
              {"bytes", report.bytes},
              {"held_out_documents", report.held_out_documents},
              {"steps", options.train.steps},
              {"tokens", tokens},
              {"epochs", static_cast<double>(tokens) / static_cast<double>(std::max<std::int64_t>(report.bytes, 1))},
              {"parameters", base.dense_parameters + base.expert_parameters},
              {"parameters_added", added.dense_parameters + added.expert_parameters},
              {"experts_added", added.experts},
              {"forward_flops_a_token", base.forward_flops + added.forward_flops},
              {"memory_bytes", base.bytes + added.training_bytes}});
  return kDone;
}

void print_outcome(Call& call, const trainer::Session& session, const trainer::RunOptions& options, const trainer::StageOutcome& outcome) {
  const std::string label = outcome.commit.id.valid() ? fmt::format("g{}", outcome.commit.id.value) : "";
  Json loss = Json::object();
  if (!outcome.interrupted)
    for (const auto& [domain, bits] : session.loaded.history.stages.back().loss) loss[domain] = bits;
  if (call.common.json) {
    call.print({{"domain", options.stage.domain},
                {"generation", label.empty() ? Json(nullptr) : Json(label)},
                {"interrupted", outcome.interrupted},
                {"steps", outcome.steps},
                {"seconds", outcome.seconds},
                {"files_written", outcome.commit.files_written},
                {"bytes_written", outcome.commit.bytes_written},
                {"bits_per_byte", loss}});
    return;
  }
  if (outcome.interrupted) {
    call.out << outcome.summary << '\n';
    return;
  }
  call.out << fmt::format("{}  {}, {:.0f} s, {:.2f} MB written\n", call.paint.bold(label), outcome.summary, outcome.seconds,
                          static_cast<double>(outcome.commit.bytes_written) / 1e6);
  for (const auto& [domain, bits] : loss.items()) call.out << fmt::format("    {:<12} {:.3f} bits per byte\n", domain, bits.get<double>());
}

}  // namespace

int run_stage_command(Call& call, bool grow_first, const trainer::RunOptions& given, const model::DeltaOptions&, const ResumeOptions& resume) {
  trainer::RunOptions options = given;
  const pool::Access access = resume.dry_run ? pool::Access::kRead : pool::Access::kWrite;
  if (!resume.resume) {
    check_domain(options.stage.domain);
    if (options.stream.from.empty()) throw UsageError("option 'from' is missing: the text to learn, e.g. --from my.txt");
    make_absolute(options.stream.from);
    make_absolute(options.stream.test);
  }
  trainer::Session session = trainer::open_session(call.argument("POOL"), resume.resume ? trainer::kResume : trainer::kHead, access,
                                                   parse_device(call.common.device), static_cast<int>(call.common.threads));
  if (resume.resume) {
    if (!session.loaded.run) throw UsageError("--resume: there is no interrupted stage in " + session.pool.path());
    if (session.pool.ref(trainer::kHead) != session.generation.parent)
      throw UsageError(fmt::format("--resume: the interrupted stage grew on g{0}, head is elsewhere now; peer-cli rollback --to g{0} first, or --discard",
                                   session.generation.parent.value));
    options = trainer::options_of(*session.loaded.run);
  } else {
    if (session.pool.ref(trainer::kResume)) {
      if (!resume.discard) throw UsageError("an interrupted stage waits in " + session.pool.path() + "; go on with --resume, or drop it with --discard");
      if (!resume.dry_run) session.pool.delete_ref(trainer::kResume, "discarded");
    }
    options.grow_first = grow_first;
    options.seed = call.common.seed;
    call.apply_given(session.loaded.delta);  // the pool's own shape of a generation, but for what was given
  }
  if (resume.dry_run) return dry_run(call, grow_first, options, session);
  const trainer::StageOutcome outcome = trainer::run_stage(session, options, call.progress, catch_interrupts());
  print_outcome(call, session, options, outcome);
  return outcome.interrupted ? kResumable : kDone;
}

}  // namespace peer::cli
