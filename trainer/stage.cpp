#include "trainer/stage.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "peer/base/counted.h"
#include "peer/device/rounded_gemm.h"
#include "peer/device/timed_step.h"
#include "peer/model/page_placement.h"
#include "streams/corpus.h"
#include "trainer/chosen_view.h"
#include "trainer/evaluation/inside_evaluation.h"
#include "trainer/evaluation/loss_rows.h"
#include "trainer/evaluation/scoring_watch.h"
#include "trainer/evaluation/stage_cost.h"
#include "trainer/evaluation/stage_meter.h"
#include "trainer/growth.h"
#include "trainer/metrics_log.h"
#include "trainer/naive_reference.h"
#include "trainer/plasticity.h"
#include "trainer/schedule.h"
#include "trainer/state/background_commit.h"
#include "trainer/state/held_out.h"
#include "trainer/state/model_image.h"
#include "trainer/state/views.h"
#include "trainer/step.h"
#include "trainer/strategies/safeguards.h"

namespace peer::trainer {
namespace {

class Stage {
 public:
  Stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop)
      : session_(session),
        model_(session.loaded.model),
        options_(options),
        progress_(progress),
        stop_(stop),
        meter_(session.ctx),
        metrics_(options.metrics),
        commits_(progress) {}

  void begin() {
    check_view_to_train(session_, options_);
    check_safeguards(session_, options_.stage);
    if (grows_view(options_.stage)) named_parent(model_, options_.stage.parent);
    begin_growth(session_, options_, progress_);
    read_corpus();
    if (stop_) return;
    History& history = session_.loaded.history;
    const bool seen_before = history.domain(options_.stage.domain) != nullptr;
    meter_.apart([&] { records_ = arrive(session_, options_, corpus_->held_out(), progress_, stop_); });
    if (stop_) return;
    if (options_.stage.reference == Reference::kNaive && seen_before)
      progress_.note(fmt::format("no naive reference: that of '{}' belongs to the stage that first taught it", options_.stage.domain));
    if (options_.stage.reference == Reference::kNaive && !seen_before) {
      double naive = kMissing;
      meter_.apart([&] { naive = naive_reference(session_, options_, *corpus_, progress_, stop_); });
      if (stop_) return;
      history.domain(options_.stage.domain)->naive = naive;
    }
    const ChosenView chosen = choose_view(session_, options_, *corpus_, progress_, stop_);
    if (stop_) return;
    view_ = chosen.view, nothing_new_ = chosen.known;
    if (!nothing_new_) changed_ = make_plastic(model_, view_, trains());
    session_.pool.require_room(bytes_to_commit());
    safeguards_.emplace(session_, options_, view_, changed_, parent());
    corpus_->start(options_.train.batch, model_.options().context, {.seed = static_cast<std::uint64_t>(options_.seed)});
  }

  void resume() {
    const StoredRun& run = *session_.loaded.run;
    view_ = run.view, step_ = run.step;
    try {
      read_corpus();
    } catch (const CorpusError& error) {
      throw CorpusError(fmt::format("{} (where the text lay when the stage began; if it moved: --resume --from PATH)", error.what()));
    }
    if (stop_) return;
    meter_.add_earlier(read_running_cost(session_.pool, session_.loaded.history, parent()));
    changed_ = make_plastic(model_, view_, trains());
    safeguards_.emplace(session_, options_, view_, changed_, parent());
    corpus_->start(options_.train.batch, model_.options().context, run.cursor);
    if (const std::int64_t again = metrics_.go_on_after(read_metrics_record(session_.pool, session_.loaded.history, parent())); again > 0)
      progress_.note(fmt::format("{}: {} of steps that are taken again dropped", options_.metrics, counted(again, "line")));
    if (session_.generation.fingerprint != fingerprint())
      progress_.note("threads, device or CPU path are not those that the stage began with: the last bits of its result may differ");
    progress_.note(fmt::format("going on with '{}' at step {} of {}", options_.stage.domain, step_, options_.train.steps));
  }

  StageOutcome run() {
    if (stop_)
      return {.interrupted = true,
              .steps = step_,
              .seconds = meter_.seconds(),
              .summary = step_ > 0 ? fmt::format("interrupted before step {}; go on with --resume", step_ + 1)
                                   : "interrupted before the first step: nothing was kept; run the same command again"};
    if (!nothing_new_) {
      train();
      if (step_ < options_.train.steps) return interrupted();
    }
    return finish();
  }

 private:
  // What older domains are scored on, and this one if it was taught before, must not be trained on.
  void read_corpus() {
    const History& history = session_.loaded.history;
    std::vector<streams::Document> scored;
    for (const DomainRecord& domain : history.domains)
      if (history.learnt(domain.name) < history.stages.size())
        for (streams::Document& document : read_held_out(session_.pool, domain)) scored.push_back(std::move(document));
    try {
      corpus_.emplace(options_.stream, *session_.loaded.tokenizer, scored, streams::Reading{&progress_, &stop_});
    } catch (const streams::ReadingStopped&) {
      return;  // run() says how far the stage came
    }
    const streams::CorpusReport& r = corpus_->report();
    progress_.note(fmt::format("{}: {}, {}, {:.2f} MB to train on; {}, {:.1f} KB held out{}", options_.stage.domain,
                               counted(r.files, "file"), counted(r.documents - r.held_out_documents, "document"),
                               static_cast<double>(r.bytes - r.held_out_bytes) / 1e6, counted(r.held_out_documents, "document"),
                               static_cast<double>(r.held_out_bytes) / 1e3,
                               r.duplicates > 0 ? "; " + counted(r.duplicates, "duplicate") + " dropped" : ""));
    if (r.kept_out > 0)
      progress_.note(counted(r.kept_out, "document") + " kept out of training: the pool's domains are scored on such text");
    if (const std::string hint = streams::format_hint(r); !hint.empty()) progress_.note(hint);
    if (r.bad > 0) progress_.note(fmt::format("{} skipped, the first: {}", counted(r.bad, "bad document"), r.first_bad));
  }

  // An upper bound, for rows may be bf16 and pages untouched: better to hear of a full disk now than after the training.
  std::int64_t bytes_to_commit() const {
    std::int64_t numbers = 0;
    for (const int v : changed_) numbers += parameters_in(model_, v);
    return numbers * static_cast<std::int64_t>(sizeof(float));
  }

  // The first stage of a pool has nothing to keep: the base is trained as a whole.
  Trains trains() const { return view_ == 0 && is_first() ? Trains::kAll : what_trains(options_.stage); }
  bool is_first() const { return !session_.loaded.history.any_stage(); }

  void train() {
    TrainingStep step(session_.ctx, model_, view_, is_first() ? options_.train : later_stage(options_.train), safeguards_->terms());
    InsideEvaluation inside(session_, options_, view_);
    model::PagePlacement placement(session_.expert_memory_bytes);
    placement.place(session_.ctx, model_);
    if (placement.pages_on_host() > 0)
      progress_.note(fmt::format("{} of {} pages of experts lie in the machine's memory: the device has no room for them",
                                 placement.pages_on_host(), placement.pages()));
    const double began = meter_.seconds();
    const std::int64_t first = step_;
    while (step_ < options_.train.steps && !stop_) {
      const double loss = train_once(step, step_ > first ? options_.profile : nullptr);
      ++step_;
      commits_.wait_if_over();
      placement.after_step(session_.ctx, model_);
      meter_.apart([&] { inside.after_step(step_); });
      const double seconds = meter_.seconds() - began;
      log_metrics(loss, seconds);
      const double tokens = static_cast<double>((step_ - first) * options_.train.batch * model_.options().context);
      progress_.update("train " + options_.stage.domain, step_, options_.train.steps,
                       fmt::format("{:.3f} bpb  {:.1f} ktok/s", loss, tokens / seconds / 1e3));
      // After the last step too: scoring every domain may take long, and be interrupted for good.
      const bool over = step_ == options_.train.steps;
      const bool due = options_.measure.checkpoint_every > 0 && (over || step_ % options_.measure.checkpoint_every == 0);
      if (due && !stop_) commit_beside_training();
    }
  }

  // A full disk elsewhere must not cost what was trained.
  void log_metrics(double loss, double seconds) {
    try {
      metrics_.step(options_.stage.domain, step_, loss, seconds);
    } catch (const IoError& error) {
      progress_.note(fmt::format("step {}: {}; the stage goes on without metrics", step_, error.what()));
      metrics_.stop();
    }
  }

  double train_once(TrainingStep& step, Profile* profile) {
    const TimedStep timed(session_.ctx, profile);
    const streams::Batch& batch = safeguards_->mix(corpus_->next(), step_);
    if (step_ == 0 && grows_view(options_.stage)) {
      meet_first_batch(session_.ctx, model_, view_, step, batch);
      safeguards_->weights_were_placed();
    }
    const double loss = step.run(batch, step_);
    safeguards_->after_step();
    return loss;
  }

  // With what earlier runs of the stage took, and with a commit that is just over.
  Spent spent(std::int64_t committed_bytes = 0) const { return meter_.spent(commits_.bytes_written() + committed_bytes); }

  // The parent of everything that this stage commits: head as it was when the stage began.
  GenerationId parent() const { return session_.loaded.run ? session_.generation.parent : session_.generation.id; }

  // Everything that the bits of the result depend on, beside the corpus, wherever that lies.
  std::string fingerprint() const {
    RunOptions options = options_;
    options.stream.from.clear(), options.stream.test.clear(), options.metrics.clear();
    return fmt::format("{} threads {} {} {}", to_hex(options_fingerprint(options)), session_.ctx.threads(), session_.ctx.device_name(),
                       to_text(session_.ctx.cpu_path()));
  }

  pool::Transaction transaction() {
    pool::Transaction t = session_.pool.begin(parent());
    for (const auto& [key, value] : records_) t.put_record(key, value);
    t.set_fingerprint(fingerprint());
    return t;
  }

  // What a commit of the stage as it is now would write; the device must be idle.
  struct Unfinished {
    pool::Transaction transaction;
    ModelImage image;
    std::string message;
  };
  Unfinished unfinished() {
    commits_.wait();
    StoredRun run{options_map(options_), step_, view_, corpus_->cursor()};
    Unfinished now{transaction(), image_of(session_.loaded, changed_, true),
                   fmt::format("{} at step {} of {}, to be resumed", options_.stage.domain, step_, options_.train.steps)};
    safeguards_->add_unfinished(now.image);
    const auto [key, value] = running_cost_record(session_.loaded.history, parent(), spent());
    now.transaction.put_record(key, value);
    auto [metrics_key, last_line] = metrics_record(session_.loaded.history, parent(), metrics_);
    now.transaction.put_record(std::move(metrics_key), std::move(last_line));
    now.transaction.set_state(state_text(session_.loaded, run));
    return now;
  }

  pool::CommitReport commit_resumable() {
    Unfinished now = unfinished();
    now.image.put(session_.staging, now.transaction);
    return now.transaction.commit(kResume, now.message);
  }

  // From here to the next wait nothing may use the pool. A step does not, nor does an evaluation inside the stage.
  void commit_beside_training() {
    Unfinished now = unfinished();
    commits_.start(std::move(now.image), session_.staging, std::move(now.transaction), kResume, now.message);
  }

  StageOutcome interrupted() {
    settle();
    const pool::CommitReport commit = commit_resumable();
    session_.pool.put_records({running_cost_record(session_.loaded.history, parent(), spent(commit.bytes_written))});
    return {.interrupted = true,
            .commit = commit,
            .steps = step_,
            .seconds = meter_.seconds(),
            .summary = fmt::format("interrupted at step {} of {}; go on with --resume", step_, options_.train.steps)};
  }

  // Since the generation before the stage; a view that was grown by hand counts for the stage that trains it.
  std::int64_t numbers_added() {
    if (nothing_new_ || options_.stage.grows == Growth::kNone) return 0;
    const std::int64_t now = parameters_in(model_, view_);
    if (grows_view(options_.stage)) return now;
    LoadedModel before = load_model(session_.pool, session_.pool.generation(parent()), {});
    return now - parameters_in(before.model, view_);
  }

  // A checkpoint that failed must not cost what was trained: it is told of, and the commit that follows may find room.
  void settle() {
    try {
      commits_.wait();
    } catch (const Error& error) {
      progress_.note(fmt::format("the last commit to be resumed failed: {}", error.what()));
    }
  }

  StageOutcome finish() {
    settle();
    const std::int64_t added = numbers_added();
    freeze_statistics(model_, changed_);
    pool::Transaction t = transaction();
    safeguards_->finish(corpus_->training(), t);
    freeze(model_, changed_);
    if (!nothing_new_) count_bytes();
    const bool first = is_first();
    session_.loaded.history.stages.push_back({.domain = options_.stage.domain,
                                              .strategy = to_text(options_.stage.strategy),
                                              .steps = step_,
                                              .view = view_,
                                              .parameters_added = added,
                                              .mixture = options_.stage.predicts == Prediction::kMixture,
                                              .inside = std::exchange(session_.loaded.history.inside, {})});
    Records row;
    meter_.apart([&] { row = evaluate_all(session_, options_.evaluate, options_.mixture, changed_, records_, progress_); });
    for (const auto& [key, value] : row) t.put_record(key, value);
    save_model(session_.loaded, changed_, session_.staging, t);
    const bool refused = forgets_too_much();
    const bool in_place = view_ == 0 && options_.stage.strategy == Strategy::kGrow;
    const std::string what = first ? "base" : in_place ? "in place" : to_text(options_.stage.strategy);
    const std::string summary = nothing_new_ ? fmt::format("{} is no news: measured, not learnt", options_.stage.domain)
                                             : fmt::format("{} {}: {} steps, {} numbers added", options_.stage.domain, what, step_, added);
    StageOutcome outcome{.refused = refused,
                         .commit = t.commit(refused ? kRefused : kHead, summary, session_.pool.ref(kResume) ? kResume : ""),
                         .steps = step_,
                         .seconds = meter_.seconds(),
                         .summary = summary};
    session_.pool.put_records({cost_record(session_.pool, session_.loaded.history, spent(outcome.commit.bytes_written))});
    session_.loaded.run.reset();
    session_.generation = session_.pool.generation(outcome.commit.id);
    return outcome;
  }

  void count_bytes() {
    auto& statistics = session_.loaded.statistics;
    statistics.resize(static_cast<std::size_t>(model_.newest()) + 1);
    for (const streams::Document& document : corpus_->training()) statistics[static_cast<std::size_t>(view_)].add(document.text);
  }

  // Whether an older domain is worse by more than the limit than it was after any stage before this one.
  bool forgets_too_much() {
    if (options_.stage.max_forgetting < 0) return false;
    const History& history = session_.loaded.history;
    bool too_much = false;
    for (const auto& [domain, loss] : history.stages.back().loss) {
      const double forgotten = history.forgotten(history.stages.size() - 1, domain);
      if (domain == options_.stage.domain || !(forgotten > options_.stage.max_forgetting)) continue;
      progress_.note(fmt::format("'{}' was {:.4f} bits a byte and is {:.4f}: {:.4f} forgotten, the limit is {}", domain, loss - forgotten,
                                 loss, forgotten, options_.stage.max_forgetting));
      too_much = true;
    }
    return too_much;
  }

  Session& session_;
  model::Model& model_;
  RunOptions options_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  StageMeter meter_;
  MetricsLog metrics_;
  std::optional<streams::Corpus> corpus_;
  Records records_;  // held-out text and scores that go into every commit of this stage
  int view_ = 0;
  bool nothing_new_ = false;  // --experts auto found that the text is no news: the stage only measures
  std::vector<int> changed_;  // views whose tensors and experts this stage changes
  std::optional<Safeguards> safeguards_;
  std::int64_t step_ = 0;
  BackgroundCommit commits_;
};

}  // namespace

RunOptions options_of(const StoredRun& run) {
  RunOptions options;
  for (const auto& [name, text] : run.options)
    if (!set_option(options, name, text))
      throw CorruptError("the interrupted stage has an option that this program does not know: '" + name + "'");
  return options;
}

StageOutcome run_stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop) {
  if (session.loaded.run)
    throw UsageError(fmt::format("{}: g{} is an unfinished stage, on which no other can begin; peer-cli rollback --to g{} first",
                                 session.pool.path(), session.generation.id.value, session.generation.parent.value));
  check(options.stage), check(options.train), check(options.measure), check(options.evaluate);
  check_precision(session.ctx.device(), options.train.precision);  // before the first of many passes that need none
  Stage stage(session, options, progress, stop);
  try {
    stage.begin();
  } catch (const ScoringStopped&) {  // run() says what that means
  }
  return stage.run();
}

StageOutcome resume_stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop) {
  if (!session.loaded.run)
    throw UsageError(fmt::format("{}: g{} is no unfinished stage", session.pool.path(), session.generation.id.value));
  check_precision(session.ctx.device(), options.train.precision);
  Stage stage(session, options, progress, stop);
  stage.resume();
  return stage.run();
}

}  // namespace peer::trainer
