#include "tests/bench/continual/suite_runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "cli/exit_code.h"
#include "peer/base/error.h"
#include "tests/bench/continual/child_program.h"
#include "trainer/evaluation/retention.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::continual {
namespace {

namespace fs = std::filesystem;

std::string last_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  return last;
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The stages of several figures overlap: a pool is run once.
void add_once(std::vector<PlannedPool>& pools, PlannedPool planned) {
  for (const PlannedPool& other : pools)
    if (other.folder == planned.folder) return;
  pools.push_back(std::move(planned));
}

}  // namespace

SuiteRunner::SuiteRunner(const Suite& suite, const RunnerOptions& options, std::ostream& out, const std::atomic<bool>& stop)
    : suite_(suite), options_(options), texts_(suite, options.results + "/text"), out_(out), stop_(stop) {}

std::vector<std::string> SuiteRunner::run(const std::vector<Figure>& figures) {
  std::vector<PlannedPool> bases, candidates, runs;
  for (const Figure& figure : figures)
    for (const std::string& name : figure.methods) {
      const Method& method = suite_.method(name);
      for (const std::int64_t seed : figure.seeds) add_once(bases, base_pool(method.base, seed));
      if (suite_.tuning.candidates.empty()) continue;
      add_once(bases, base_pool(method.base, 1));
      for (const Candidate& candidate : suite_.tuning.candidates) add_once(candidates, tuning_pool(method, candidate));
    }
  run_all(bases);
  run_all(candidates);
  if (!stop_)
    for (const Figure& figure : figures)
      for (const std::string& order : figure.orders)
        for (const std::int64_t seed : figure.seeds)
          for (const std::string& name : figure.methods)
            if (suite_.tuning.candidates.empty() || chosen(name)) add_once(runs, run_pool(suite_.method(name), suite_.order(order), seed));
  run_all(runs);
  return failures_;
}

bool SuiteRunner::finished(const std::string& method, const std::string& order, std::int64_t seed) {
  if (!suite_.tuning.candidates.empty() && !chosen(method)) return false;
  const PlannedPool planned = run_pool(suite_.method(method), suite_.order(order), seed);
  return stages_done(planned, progress_of(planned)) == planned.stages.size();
}

std::string SuiteRunner::pool_of(const std::string& method, const std::string& order, std::int64_t seed) {
  return run_pool(suite_.method(method), suite_.order(order), seed).pool();
}

double SuiteRunner::tuning_loss(const std::string& method, const Candidate& candidate) {
  const PlannedPool planned = tuning_pool(suite_.method(method), candidate);
  if (stages_done(planned, progress_of(planned)) < planned.stages.size()) return trainer::kMissing;
  const pool::Pool pool = pool::Pool::open(planned.pool(), pool::Access::kRead);
  const auto state = trainer::parse_state(pool.generation(pool.resolve(trainer::kHead)).state, planned.pool());
  return state.history.stages.back().loss.at(suite_.tuning.domain);
}

const Candidate* SuiteRunner::chosen(const std::string& method) {
  if (const auto known = chosen_.find(method); known != chosen_.end()) return known->second;
  const Candidate* best = nullptr;
  double lowest = 0;
  for (const Candidate& candidate : suite_.tuning.candidates) {
    const double loss = tuning_loss(method, candidate);
    if (std::isnan(loss)) return nullptr;
    if (!best || loss < lowest) best = &candidate, lowest = loss;
  }
  chosen_[method] = best;
  return best;
}

PlannedStage SuiteRunner::planned_stage(const std::string& verb, const std::string& domain, const StageText& text, const Words& options,
                                        std::int64_t seed) const {
  Words words = with({verb, "--domain", domain, "--from"}, text.from);
  if (!text.test.empty()) words = with(with(std::move(words), {"--test"}), text.test);
  return {domain, with(with(std::move(words), options), {"--seed", fmt::format("{}", seed)})};
}

PlannedPool SuiteRunner::base_pool(const std::string& name, std::int64_t seed) {
  const Base& base = suite_.base(name);
  PlannedPool planned{.folder = fmt::format("{}/base/{}.{}", options_.results, name, seed),
                      .title = fmt::format("base {} seed {}", name, seed),
                      .copied_from = "",
                      .copied_stages = 0,
                      .init = with(merged({suite_.init, base.init}), {"--seed", fmt::format("{}", seed)}),
                      .stages = {}};
  if (base.trained)
    planned.stages.push_back(
        planned_stage("train", suite_.base_domain, texts_.of_domain(suite_.base_domain), merged({suite_.stage, base.train}), seed));
  return planned;
}

PlannedPool SuiteRunner::copied(const std::string& base, std::int64_t seed, const std::string& folder) {
  PlannedPool planned = base_pool(base, seed);
  planned.copied_from = planned.folder;
  planned.copied_stages = planned.stages.size();
  planned.folder = options_.results + "/" + folder;
  return planned;
}

PlannedPool SuiteRunner::tuning_pool(const Method& method, const Candidate& candidate) {
  PlannedPool planned = copied(method.base, 1, fmt::format("tune/{}.{}", method.name, candidate.name));
  planned.title = fmt::format("tune {} {}", method.name, candidate.name);
  const StageText text{texts_.of_domain(suite_.tuning.domain).from, suite_.tuning.test};
  planned.stages.push_back(
      planned_stage("stream", suite_.tuning.domain, text, merged({suite_.stage, method.stream, candidate.options}), 1));
  return planned;
}

PlannedPool SuiteRunner::run_pool(const Method& method, const Order& order, std::int64_t seed) {
  PlannedPool planned = copied(method.base, seed, fmt::format("run/{}.{}.{}", method.name, order.name, seed));
  planned.title = fmt::format("{} {} seed {}", method.name, order.name, seed);
  const Candidate* tuned = chosen(method.name);
  const Words options = merged({suite_.stage, method.stream, tuned ? tuned->options : Words{}});
  for (std::size_t i = 0; i < order.domains.size(); ++i)
    planned.stages.push_back(planned_stage("stream", order.domains[i], texts_.of_stage(order, i), options, seed));
  return planned;
}

// Pools in order, `jobs` at a time. What fails is noted and left.
void SuiteRunner::run_all(const std::vector<PlannedPool>& pools) {
  stages_run_ = stages_wanted_ = 0;
  for (const PlannedPool& planned : pools) {
    const std::size_t done = std::max(planned.copied_stages, stages_done(planned, progress_of(planned)));
    stages_wanted_ += planned.stages.size() - done;
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i; !stop_ && (i = next++) < pools.size();) {
      try {
        advance(pools[i]);
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex_);
        failures_.push_back(fmt::format("{}: {}", pools[i].title, error.what()));
        out_ << "  FAILED " << failures_.back() << std::endl;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int job = 0; job < options_.jobs; ++job) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

void SuiteRunner::advance(const PlannedPool& planned) {
  PoolProgress progress = progress_of(planned);
  std::size_t done = stages_done(planned, progress);
  if (progress.exists && done == planned.stages.size()) return;
  write_plan(planned);
  if (!progress.exists) {
    make_pool(planned);
    progress = progress_of(planned);
    done = stages_done(planned, progress);
  }
  while (!stop_ && done < planned.stages.size()) {
    run_stage(planned, done, progress.interrupted);
    progress = progress_of(planned);
    done = stages_done(planned, progress);
  }
}

// Under another name first: a pool that is there is whole.
void SuiteRunner::make_pool(const PlannedPool& planned) {
  const std::string unfinished = planned.folder + "/unfinished";
  fs::remove_all(unfinished);
  if (planned.copied_from.empty()) {
    call(planned, with({"init", unfinished}, planned.init));
  } else {
    if (!fs::exists(planned.copied_from + "/pool")) throw IoError("its base is not there");
    fs::copy(planned.copied_from + "/pool", unfinished, fs::copy_options::recursive);
  }
  fs::rename(unfinished, planned.pool());
}

void SuiteRunner::run_stage(const PlannedPool& planned, std::size_t at, bool resume) {
  const PlannedStage& stage = planned.stages[at];
  Words words = {stage.command.front(), planned.pool()};
  words = resume ? with(std::move(words), {"--resume"}) : with(std::move(words), Words(stage.command.begin() + 1, stage.command.end()));
  const auto began = std::chrono::steady_clock::now();
  call(planned, std::move(words));
  if (stop_) return;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  const std::lock_guard lock(mutex_);
  out_ << fmt::format("[{} of {}] {}: {}{}, {:.0f} s", ++stages_run_, stages_wanted_, planned.title, stage.domain,
                      resume ? " (resumed)" : "", seconds.count())
       << std::endl;
}

void SuiteRunner::call(const PlannedPool& planned, Words words) {
  words.insert(words.begin(), options_.cli);
  const int code = run_child(with(std::move(words), {"--threads", fmt::format("{}", options_.threads), "--quiet"}), planned.log());
  if (code == cli::kDone || (code == cli::kResumable && stop_)) return;
  if (stop_) return;  // stopped before there was anything to keep
  throw Error(fmt::format("exit code {}: {}", code, last_line_of(planned.log())));
}

}  // namespace peer::continual
