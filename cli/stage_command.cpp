#include "cli/stage_command.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "cli/generation_summary.h"
#include "cli/interrupt.h"
#include "cli/option_limits.h"
#include "cli/profile_table.h"
#include "cli/text_table.h"
#include "peer/device/roofline.h"
#include "peer/model/model_cost.h"
#include "streams/corpus.h"
#include "trainer/chosen_view.h"
#include "trainer/growth.h"
#include "trainer/state/views.h"
#include "trainer/strategies/safeguards.h"

namespace peer::cli {
namespace {

// A stored run is resumed from whichever folder its user stands in.
void make_absolute(std::string& path) {
  if (!path.empty()) path = std::filesystem::absolute(path).lexically_normal().string();
}

void make_absolute(std::vector<std::string>& paths) {
  for (std::string& path : paths)
    if (path != "-") make_absolute(path);
}

// What a new stage grows; an interrupted one has grown it.
model::ModelCost added_by(const trainer::RunOptions& options, const trainer::Session& session) {
  if (session.loaded.run || !options.grow_first || options.stage.grows == trainer::Growth::kNone) return {};
  if (options.stage.grows != trainer::Growth::kExtend && trainer::trains_the_base(session, options)) return {};
  const model::Model& model = session.loaded.model;
  const std::int64_t experts = trainer::wanted_experts(options.stage.experts).count;
  if (options.stage.grows != trainer::Growth::kExtend)
    return model::cost_of(model.options(), trainer::delta_for(model.options(), session.delta, experts, options.stage.grows));
  model::ModelOptions extended = model.options();
  extended.peer_side = trainer::extended_side(model, session.delta, experts);
  return model::cost_of(extended) - model::cost_of(model.options());
}

model::ModelCost cost_of_view(const model::Model& model, int view) {
  return view == 0 ? model::cost_of(model.options())
                   : model::cost_of(model.options(), model.views()[static_cast<std::size_t>(view)].delta->options);
}

// Of the views that are there, those that the stage trains.
std::vector<int> trained_views(const trainer::RunOptions& options, const trainer::Session& session) {
  const model::Model& model = session.loaded.model;
  const trainer::Trains trains = trainer::what_trains(options.stage);
  const bool whole_path = trains == trainer::Trains::kAll || trains == trainer::Trains::kExperts;
  if (trainer::trains_the_base(session, options) || options.stage.grows == trainer::Growth::kNone || whole_path) {
    std::vector<int> path = model.path(model.newest());
    path.push_back(0);
    return path;
  }
  if (session.loaded.run) return {session.loaded.run->view};
  if (!options.grow_first) return {session.loaded.history.open_view};
  return {};
}

// Of the weights of every view, and the optimizer state of those that are trained: what is grown, or what is there.
std::int64_t bytes_of_weights(const trainer::RunOptions& options, const trainer::Session& session) {
  const model::Model& model = session.loaded.model;
  const std::vector<int> trained = trained_views(options, session);
  std::int64_t bytes = added_by(options, session).training_bytes;
  for (const int view : trainer::all_views(model)) {
    const model::ModelCost cost = cost_of_view(model, view);
    bytes += std::ranges::find(trained, view) == trained.end() ? cost.bytes : cost.training_bytes;
  }
  return bytes;
}

// A lower bound: the weights, and the logits with their gradient.
double memory_needed(const trainer::RunOptions& options, const trainer::Session& session) {
  const model::ModelOptions& shape = session.loaded.model.options();
  const double logits = static_cast<double>(options.train.batch) * static_cast<double>(shape.context * shape.vocabulary);
  return static_cast<double>(bytes_of_weights(options, session)) + 8 * logits;
}

// A token forward, on the newest view and what grows.
std::int64_t forward_flops(const trainer::RunOptions& options, const trainer::Session& session) {
  const model::Model& model = session.loaded.model;
  std::int64_t flops = cost_of_view(model, 0).forward_flops + added_by(options, session).forward_flops;
  for (const int view : model.path(model.newest())) flops += cost_of_view(model, view).forward_flops;
  return flops;
}

// Of the base, which is frozen unless this is its first stage.
double expert_bytes(const trainer::Session& session) {
  const model::ModelOptions& shape = session.loaded.model.options();
  return static_cast<double>(model::cost_of(shape).expert_parameters * bytes_of(shape.peer.rows));
}

// What a stage would do, measured on its corpus and its pool.
int dry_run(Call& call, const trainer::RunOptions& options, const trainer::Session& session) {
  if (!session.loaded.run) {  // an interrupted stage has found its view, and what it needs of the stages before
    trainer::check_view_to_train(session, options);
    trainer::check_safeguards(session, options.stage);
    if (trainer::grows_view(options.stage)) trainer::named_parent(session.loaded.model, options.stage.parent);
  }
  const streams::Corpus corpus(options.stream, *session.loaded.tokenizer, {}, {.progress = &call.progress});
  const streams::CorpusReport& report = corpus.report();
  if (const std::string hint = streams::format_hint(report); !hint.empty()) call.progress.note(hint);
  const model::ModelOptions& shape = session.loaded.model.options();
  const model::ModelCost base = model::cost_of(shape);
  const model::ModelCost added = added_by(options, session);
  const double tokens =
      static_cast<double>(options.train.steps) * static_cast<double>(options.train.batch) * static_cast<double>(shape.context);
  const std::int64_t parameters_added = added.dense_parameters + added.expert_parameters;
  std::int64_t written = parameters_added;
  for (const int view : trained_views(options, session)) {
    const model::ModelCost cost = cost_of_view(session.loaded.model, view);
    written += cost.dense_parameters + cost.expert_parameters;
  }
  session.pool.require_room(written * static_cast<std::int64_t>(sizeof(float)));
  const bool by_novelty = trainer::wanted_experts(options.stage.experts).by_novelty && parameters_added > 0;
  const double epochs = tokens / static_cast<double>(corpus.training_tokens());
  if (call.common.json) {
    call.print({{"domain", options.stage.domain},
                {"files", report.files},
                {"documents", report.documents},
                {"bytes", report.bytes},
                {"held_out_documents", report.held_out_documents},
                {"duplicates", report.duplicates},
                {"bad", report.bad},
                {"first_bad", report.first_bad},
                {"steps", options.train.steps},
                {"tokens", static_cast<std::int64_t>(std::min(tokens, 9e18))},
                {"epochs", epochs},
                {"parameters", base.dense_parameters + base.expert_parameters},
                {"parameters_added", parameters_added},
                {"experts_added", added.experts},
                {"forward_flops_a_token", forward_flops(options, session)},
                {"memory_bytes", static_cast<std::int64_t>(memory_needed(options, session))}});
    return kDone;
  }
  call.out << fmt::format("reads   {}, {} ({} held out), {}\n", counted(report.files, "file"), counted(report.documents, "document"),
                          report.held_out_documents, human_bytes(report.bytes))
           << fmt::format("trains  {}, {:.0f} tokens, {:.1f} epochs\n", counted(options.train.steps, "step"), tokens, epochs)
           << fmt::format("adds    {}, {} numbers{}\n", counted(added.experts, "expert"), parameters_added,
                          by_novelty ? ", or as many as a probe finds worth it; none for a text that is known" : "")
           << fmt::format("takes   {} at least for weights, optimizer and logits, {:.2f} MFLOP a token forward\n",
                          human_bytes(static_cast<std::int64_t>(memory_needed(options, session))),
                          static_cast<double>(forward_flops(options, session)) / 1e6);
  if (report.duplicates > 0) call.out << fmt::format("drops   {}\n", counted(report.duplicates, "duplicate"));
  if (report.bad > 0) call.out << fmt::format("skips   {}, the first: {}\n", counted(report.bad, "bad document"), report.first_bad);
  return kDone;
}

void print_stage(Call& call, const trainer::StageOutcome& outcome, const Json& loss) {
  call.out << fmt::format("{}  {}, {:.0f} s, {:.2f} MB written\n", call.paint.bold(label(outcome.commit.id)), outcome.summary,
                          outcome.seconds, static_cast<double>(outcome.commit.bytes_written) / 1e6);
  if (outcome.refused)
    call.out << "    refused: more was forgotten than --max-forgetting allows; head stays, the ref 'refused' names this state\n";
  for (const auto& [domain, bits] : loss.items()) call.out << fmt::format("    {:<12} {:.3f} bits per byte\n", domain, bits.get<double>());
}

// `steps` is null without --profile.
void print_outcome(Call& call, const trainer::Session& session, const trainer::RunOptions& options, const trainer::StageOutcome& outcome,
                   const StepTimes* steps) {
  Json loss = Json::object();
  if (!outcome.interrupted)
    for (const auto& [domain, bits] : session.loaded.history.stages.back().loss) loss[domain] = bits;
  if (call.common.json) {
    Json document = {{"domain", options.stage.domain},
                     {"generation", outcome.commit.id.valid() ? json_of(outcome.commit.id) : Json(nullptr)},
                     {"interrupted", outcome.interrupted},
                     {"refused", outcome.refused},
                     {"steps", outcome.steps},
                     {"seconds", outcome.seconds},
                     {"files_written", outcome.commit.files_written},
                     {"bytes_written", outcome.commit.bytes_written},
                     {"bits_per_byte", loss}};
    if (steps != nullptr) document["profile"] = json_of(*steps);
    call.print(document);
    return;
  }
  if (outcome.interrupted)
    call.out << outcome.summary << '\n';
  else
    print_stage(call, outcome, loss);
  if (steps != nullptr) call.out << '\n' << text_of(*steps);
}

// Opens the pool at head, or with --resume at the interrupted stage.
trainer::Session open_stage(const Call& call, const ResumeOptions& resume) {
  const std::string path = call.argument("POOL");
  if (resume.resume && !pool::Pool::open(path, pool::Access::kRead).ref(trainer::kResume))
    throw UsageError("--resume: there is no interrupted stage in " + path);
  return trainer::open_session(path, resume.resume ? trainer::kResume : trainer::kHead,
                               resume.dry_run ? pool::Access::kRead : pool::Access::kWrite, call.device(),
                               static_cast<int>(call.common.threads), call.expert_memory_bytes());
}

// The options that the interrupted stage was started with. What was given beside --resume may say where the text lies now and where the
// metrics go, and nothing else that is not as it was.
trainer::RunOptions interrupted_stage(const Call& call, trainer::RunOptions given, const trainer::Session& session) {
  if (!session.loaded.run) throw UsageError("--resume: what 'resume' names is no interrupted stage");
  if (session.pool.ref(trainer::kHead) != session.generation.parent)
    throw UsageError(
        fmt::format("--resume: the interrupted stage grew on g{0}, head is elsewhere now; peer-cli rollback --to g{0} first, "
                    "or --discard",
                    session.generation.parent.value));
  trainer::RunOptions options = trainer::options_of(*session.loaded.run);
  make_absolute(given.stream.from), make_absolute(given.stream.test), make_absolute(given.metrics);
  if (!given.stream.from.empty()) options.stream.from = given.stream.from;
  if (!given.stream.test.empty()) options.stream.test = given.stream.test;
  if (!given.metrics.empty()) options.metrics = given.metrics;
  const auto was = options_map(options), now = options_map(given);
  for (const Setting& setting : call.given)
    if (const auto old = was.find(setting.name); old != was.end() && now.at(setting.name) != old->second)
      throw UsageError(fmt::format("--resume goes on with the stage as it began: expected --{} {} or none, found {}; --discard begins anew",
                                   setting.name, old->second.empty() ? "''" : old->second, now.at(setting.name)));
  return options;
}

// A strategy names a composition; what the user gave beside it wins.
void compose(const Call& call, trainer::StageOptions& stage) {
  stage = trainer::composed(stage.strategy);
  call.apply_given(stage);
  trainer::check(stage);
}

void check_new_stage(trainer::RunOptions& options) {
  check_domain(options.stage.domain);
  trainer::check(options.train), trainer::check(options.measure), trainer::check(options.evaluate);
  if (options.stream.from.empty()) throw UsageError("option 'from' is missing: the text to learn, e.g. --from my.txt");
  make_absolute(options.stream.from);
  make_absolute(options.stream.test);
  make_absolute(options.metrics);
}

}  // namespace

int run_stage_command(Call& call, trainer::RunOptions options, const ResumeOptions& resume) {
  if (resume.resume && resume.discard) throw UsageError("--resume goes on with the interrupted stage, --discard forgets it: choose one");
  if (!resume.resume) {
    compose(call, options.stage);
    check_new_stage(options);
  }
  trainer::Session session = open_stage(call, resume);
  if (resume.resume) {
    options = interrupted_stage(call, std::move(options), session);
  } else {
    // A discarded stage goes when this one first commits: should this one fail, on a misspelt path say, nothing is lost.
    if (session.pool.ref(trainer::kResume) && !resume.discard)
      throw UsageError("an interrupted stage waits in " + session.pool.path() + "; go on with --resume, or drop it with --discard");
    call.apply_given(session.delta);  // the pool's own shape of a generation, but for what was given
    check_limits(session.delta);
    if (session.loaded.history.imported()) trainer::take_rates_of_import(options.train), call.apply_given(options.train);
  }
  if (resume.dry_run) return dry_run(call, options, session);
  check_fits_memory(session.ctx.device(), memory_needed(options, session), expert_bytes(session));
  Profile profile;
  options.profile = resume.profile ? &profile : nullptr;
  const trainer::StageOutcome outcome = resume.resume ? trainer::resume_stage(session, options, call.progress, catch_interrupts())
                                                      : trainer::run_stage(session, options, call.progress, catch_interrupts());
  std::optional<StepTimes> steps;
  if (resume.profile) steps = step_times(profile, measure_roofline(session.ctx, options.train.precision));
  print_outcome(call, session, options, outcome, steps ? &*steps : nullptr);
  if (outcome.refused) return kForgettingLimit;
  return outcome.interrupted ? kResumable : kDone;
}

}  // namespace peer::cli
