#include "trainer/stage.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "peer/device/rounded_gemm.h"
#include "peer/device/timed_step.h"
#include "peer/model/page_placement.h"
#include "streams/corpus.h"
#include "trainer/background_commit.h"
#include "trainer/baseline.h"
#include "trainer/growth.h"
#include "trainer/held_out.h"
#include "trainer/inside_evaluation.h"
#include "trainer/metrics_log.h"
#include "trainer/model_image.h"
#include "trainer/novelty.h"
#include "trainer/plasticity.h"
#include "trainer/safeguards.h"
#include "trainer/schedule.h"
#include "trainer/stage_cost.h"
#include "trainer/step.h"

namespace peer::trainer {
namespace {

double now_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class Stage {
 public:
  Stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop)
      : session_(session),
        model_(session.loaded.model),
        options_(options),
        progress_(progress),
        stop_(stop),
        began_(now_seconds()),
        commits_(progress) {}

  void begin() {
    read_corpus();
    History& history = session_.loaded.history;
    apart([&] { records_ = arrive(session_, options_, corpus_->held_out(), progress_); });
    if (options_.stage.reference == Reference::kNaive) {
      double naive = kMissing;
      apart([&] { naive = naive_reference(session_, options_, *corpus_, progress_, stop_); });
      if (stop_) return;
      history.domain(options_.stage.domain)->naive = naive;
    }
    choose_view();
    if (stop_) return;
    if (!known_) changed_ = make_plastic(model_, view_, trains());
    safeguards_.emplace(session_, options_, view_, changed_, parent());
    corpus_->start(options_.train.batch, model_.options().context, {.seed = static_cast<std::uint64_t>(options_.seed)});
  }

  void resume() {
    const StoredRun& run = *session_.loaded.run;
    read_corpus();
    view_ = run.view, step_ = run.step;
    changed_ = make_plastic(model_, view_, trains());
    safeguards_.emplace(session_, options_, view_, changed_, parent());
    corpus_->start(options_.train.batch, model_.options().context, run.cursor);
    if (session_.generation.fingerprint != fingerprint())
      progress_.note("threads, device or CPU path are not those that the stage began with: the last bits of its result may differ");
    progress_.note(fmt::format("going on with '{}' at step {} of {}", options_.stage.domain, step_, options_.train.steps));
  }

  StageOutcome run() {
    if (stop_)
      return {.interrupted = true, .seconds = now_seconds() - began_, .summary = "interrupted before the first step: nothing to keep"};
    if (!known_) {
      train();
      if (step_ < options_.train.steps) return interrupted();
    }
    return finish();
  }

 private:
  void read_corpus() {
    corpus_.emplace(options_.stream);
    const streams::CorpusReport& r = corpus_->report();
    progress_.note(fmt::format("{}: {} files, {} documents, {:.2f} MB to train on; {} documents, {:.1f} KB held out{}",
                               options_.stage.domain, r.files, r.documents, static_cast<double>(r.bytes) / 1e6, r.held_out_documents,
                               static_cast<double>(r.held_out_bytes) / 1e3,
                               r.duplicates ? fmt::format("; {} duplicates dropped", r.duplicates) : ""));
    if (r.bad > 0) progress_.note(fmt::format("{} bad documents skipped, the first: {}", r.bad, r.first_bad));
  }

  // The first stage of a pool has nothing to keep: the base is trained as a whole.
  Trains trains() const { return view_ == 0 && is_first() ? Trains::kAll : what_trains(options_.stage); }
  bool is_first() const { return session_.loaded.history.stages.size() == 1; }

  // `stream` grows a view on the best parent, or trains the newest in place; `train` takes the view that was grown by hand, or the base
  // while nothing was grown.
  void choose_view() {
    History& history = session_.loaded.history;
    if (model_.newest() == 0 && (!grows_view(options_.stage) || !options_.grow_first)) {
      view_ = 0;
      std::string& domain = model_.view(0).domain;
      domain = domain.empty() ? options_.stage.domain : domain + "+" + options_.stage.domain;
      if (options_.stage.grows == Growth::kExtend && options_.grow_first)
        extend_base();
      else
        train_base();
    } else if (options_.stage.grows == Growth::kExtend) {
      extend_base();  // says why that cannot be
    } else if (options_.stage.grows == Growth::kNone) {
      view_ = model_.newest();
    } else if (options_.grow_first) {
      grow_view();
    } else if (history.open_view >= 0) {
      view_ = history.open_view;
      model_.view(view_).domain = options_.stage.domain;
    } else {
      throw UsageError("train: every view is frozen; grow first (peer-cli grow), use peer-cli stream, or --grows none");
    }
    history.open_view = -1;
    if (view_ == 0) model_.open_all();
  }

  // What the options say of growth does not hold for a base that is trained as it is.
  void train_base() {
    GrowthOptions& growth = options_.stage;
    growth.grows = Growth::kNone, growth.predicts = Prediction::kHead;
    if (growth.trains != Trains::kExperts) growth.trains = Trains::kAll;
  }

  void extend_base() {
    const std::int64_t before = model_.options().peer_side;
    model_.extend(extended_side(model_, session_.loaded.delta, wanted_experts(options_.stage.experts).count));
    progress_.note(fmt::format("extends the base's grids from {0}x{0} to {1}x{1}, {2} experts in all", before, model_.options().peer_side,
                               experts_in(model_, 0)));
  }

  void grow_view() {
    if (const int open = session_.loaded.history.open_view; open >= 0)
      throw UsageError(fmt::format("stream: view {} was grown by hand and waits to be trained; peer-cli train first, or roll back",
                                   model_.view(open).name));
    const int parent = choose_parent(session_.ctx, model_, options_.stage.parent, corpus_->training(), options_.evaluate, progress_);
    const WantedExperts wanted = wanted_experts(options_.stage.experts);
    const std::int64_t experts = wanted.by_novelty ? experts_worth(parent) : wanted.count;
    if (stop_) return;
    if (known_) {
      view_ = parent;
      return;
    }
    const model::DeltaOptions delta = delta_for(model_.options(), session_.loaded.delta, experts, options_.stage.grows);
    view_ = model_.add_view(parent, delta, options_.stage.domain, true);
    progress_.note(fmt::format("grows {} on {}: {} experts ({} a layer), {} numbers", model_.view(view_).name, model_.view(parent).name,
                               experts_in(model_, view_), delta.annex_side * delta.annex_side, parameters_in(model_, view_)));
  }

  // 0 and known_ set: the text is no news to the parent view, so nothing grows and nothing is trained.
  std::int64_t experts_worth(int parent) {
    const auto sample = sample_of(corpus_->training());
    const Novelty novelty = novelty_of(session_, parent, sample, options_.evaluate);
    known_ = novelty.known();
    const char* verdict = known_                                ? "known, nothing grows"
                          : std::isnan(novelty.difference.high) ? "too few documents to tell, taken as new"
                                                                : "new";
    progress_.note(fmt::format("view {}: {:.3f} bpb on the new text, {:.3f} on its own: {}", model_.view(parent).name, novelty.here,
                               novelty.own, verdict));
    if (known_) return 0;
    const double gain = probe_gain(session_, options_, parent, *corpus_, sample, progress_, stop_);
    const auto tokens = static_cast<double>(options_.train.steps * options_.train.batch * model_.options().context);
    const std::int64_t experts = experts_for(gain, tokens, model_.options(), session_.loaded.delta);
    progress_.note(fmt::format("a probe gained {:.3f} bpb: worth {} experts", gain, experts));
    return experts;
  }

  void train() {
    TrainingStep step(session_.ctx, model_, view_, is_first() ? options_.train : later_stage(options_.train), safeguards_->terms());
    MetricsLog metrics(options_.metrics);
    InsideEvaluation inside(session_, options_, view_);
    model::PagePlacement placement(session_.expert_memory_bytes);
    placement.place(session_.ctx, model_);
    if (placement.pages_on_host() > 0)
      progress_.note(fmt::format("{} of {} pages of experts lie in the machine's memory: the device has no room for them",
                                 placement.pages_on_host(), placement.pages()));
    const double began = now_seconds();
    const std::int64_t first = step_;
    while (step_ < options_.train.steps && !stop_) {
      const double loss = train_once(step, step_ > first ? options_.profile : nullptr);
      ++step_;
      commits_.wait_if_over();
      placement.after_step(session_.ctx, model_);
      apart([&] { inside.after_step(step_); });
      const double seconds = now_seconds() - began;
      metrics.step(options_.stage.domain, step_, loss, seconds);
      const double tokens = static_cast<double>((step_ - first) * options_.train.batch * model_.options().context);
      progress_.update("train " + options_.stage.domain, step_, options_.train.steps,
                       fmt::format("{:.3f} bpb  {:.1f} ktok/s", loss, tokens / seconds / 1e3));
      const bool due = options_.train.checkpoint_every > 0 && step_ % options_.train.checkpoint_every == 0;
      if (due && step_ < options_.train.steps && !stop_) commit_beside_training();
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

  // Measuring is no part of what a strategy costs.
  template <class Measure>
  void apart(Measure&& measure) {
    const double before = session_.ctx.flops();
    measure();
    flops_apart_ += session_.ctx.flops() - before;
  }
  double flops_spent() const { return session_.ctx.flops() - flops_apart_; }

  // The parent of everything that this stage commits: head as it was when the stage began.
  GenerationId parent() const { return session_.loaded.run ? session_.generation.parent : session_.generation.id; }

  // Everything that the bits of the result depend on, beside the corpus.
  std::string fingerprint() const {
    return fmt::format("{} threads {} {} {}", to_hex(options_fingerprint(options_)), session_.ctx.threads(), session_.ctx.device_name(),
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
    run.options["grow-first"] = to_text(options_.grow_first);
    run.options["seed"] = to_text(options_.seed);
    Unfinished now{transaction(), image_of(session_.loaded, changed_, true),
                   fmt::format("{} at step {} of {}, to be resumed", options_.stage.domain, step_, options_.train.steps)};
    safeguards_->add_unfinished(now.image);
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
    return {.interrupted = true,
            .commit = commit_resumable(),
            .steps = step_,
            .seconds = now_seconds() - began_,
            .summary = fmt::format("interrupted at step {} of {}; go on with --resume", step_, options_.train.steps)};
  }

  // Since the generation before the stage; a view that was grown by hand counts for the stage that trains it.
  std::int64_t numbers_added() {
    if (known_ || options_.stage.grows == Growth::kNone) return 0;
    const std::int64_t now = parameters_in(model_, view_);
    if (grows_view(options_.stage)) return now;
    LoadedModel before = load_model(session_.pool, session_.pool.generation(parent()), {});
    return now - parameters_in(before.model, view_);
  }

  StageOutcome finish() {
    commits_.wait();
    const std::int64_t added = numbers_added();
    freeze_statistics(model_, changed_);
    pool::Transaction t = transaction();
    safeguards_->finish(corpus_->training(), t);
    freeze(model_, changed_);
    if (!known_) count_bytes();
    session_.loaded.history.stages.push_back({.domain = options_.stage.domain,
                                              .strategy = to_text(options_.stage.strategy),
                                              .steps = step_,
                                              .view = view_,
                                              .parameters_added = added,
                                              .mixture = options_.stage.predicts == Prediction::kMixture,
                                              .inside = std::exchange(session_.loaded.history.inside, {})});
    Records row;
    apart([&] { row = evaluate_all(session_, options_.evaluate, options_.mixture, changed_, records_, progress_); });
    for (const auto& [key, value] : row) t.put_record(key, value);
    save_model(session_.loaded, changed_, session_.staging, t);
    const bool refused = forgets_too_much();
    const std::string what = session_.loaded.history.stages.size() == 2 ? "base" : to_text(options_.stage.strategy);
    const std::string summary = fmt::format("{} {}: {} steps, {} numbers added", options_.stage.domain, what, step_, added);
    const double seconds = now_seconds() - began_;
    StageOutcome outcome{.refused = refused,
                         .commit = t.commit(refused ? kRefused : kHead, summary, session_.pool.ref(kResume) ? kResume : ""),
                         .steps = step_,
                         .seconds = seconds,
                         .summary = summary};
    session_.pool.put_records({cost_record(session_.pool, session_.loaded.history, seconds, outcome.commit.bytes_written, flops_spent())});
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
    const auto& stages = session_.loaded.history.stages;
    bool too_much = false;
    for (const auto& [domain, loss] : stages.back().loss) {
      if (domain == options_.stage.domain) continue;
      double best = loss;
      for (const StageRecord& stage : stages)
        if (const auto cell = stage.loss.find(domain); cell != stage.loss.end()) best = std::min(best, cell->second);
      if (loss - best <= options_.stage.max_forgetting) continue;
      progress_.note(fmt::format("'{}' was {:.4f} bits a byte and is {:.4f}: {:.4f} forgotten, the limit is {}", domain, best, loss,
                                 loss - best, options_.stage.max_forgetting));
      too_much = true;
    }
    return too_much;
  }

  Session& session_;
  model::Model& model_;
  RunOptions options_;
  Progress& progress_;
  const std::atomic<bool>& stop_;
  double began_;
  std::optional<streams::Corpus> corpus_;
  Records records_;  // held-out text and scores that go into every commit of this stage
  int view_ = 0;
  bool known_ = false;        // --experts auto found that the text is no news: the stage only measures
  std::vector<int> changed_;  // views whose tensors and experts this stage changes
  std::optional<Safeguards> safeguards_;
  std::int64_t step_ = 0;
  double flops_apart_ = 0;
  BackgroundCommit commits_;
};

}  // namespace

RunOptions options_of(const StoredRun& run) {
  RunOptions options;
  for (const auto& [name, text] : run.options) {
    if (name == "grow-first")
      parse_text(name, text, options.grow_first);
    else if (name == "seed")
      parse_text(name, text, options.seed);
    else if (!set_option(options, name, text))
      throw CorruptError("the interrupted stage has an option that this program does not know: '" + name + "'");
  }
  return options;
}

StageOutcome run_stage(Session& session, const RunOptions& options, Progress& progress, const std::atomic<bool>& stop) {
  check(options.stage);
  RunOptions used = session.loaded.run ? options_of(*session.loaded.run) : options;
  used.profile = options.profile;
  check_precision(session.ctx.device(), used.train.precision);  // before the first of many passes that need none
  Stage stage(session, used, progress, stop);
  if (session.loaded.run)
    stage.resume();
  else
    stage.begin();
  return stage.run();
}

}  // namespace peer::trainer
