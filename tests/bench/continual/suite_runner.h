// Runs what a suite still lacks. A pool a run: bases first, then what tunes the methods, then the runs, `jobs` pools at a time. Whatever
// stops it, the next call goes on from the stages that the pools hold, and from the step at which a stage was interrupted.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "tests/bench/continual/stage_plan.h"
#include "tests/bench/continual/stage_text.h"
#include "tests/bench/continual/suite_file.h"

namespace peer::continual {

struct RunnerOptions {
  std::string results;  // the folder that keeps everything
  std::string cli;      // the peer-cli that runs the stages
  int jobs = 1, threads = 1;
};

class SuiteRunner {
 public:
  SuiteRunner(const Suite& suite, const RunnerOptions& options, std::ostream& out, const std::atomic<bool>& stop);

  // Every run of these figures, once. Returns the lines that say what failed; what can go on goes on.
  std::vector<std::string> run(const std::vector<Figure>& figures);

  int threads() const { return options_.threads; }

  // Whether the run is complete, and its pool.
  bool finished(const std::string& method, const std::string& order, std::int64_t seed);
  std::string pool_of(const std::string& method, const std::string& order, std::int64_t seed);
  // The candidate that tuning chose for a method; nullptr when nothing is tuned or not all candidates have been tried.
  const Candidate* chosen(const std::string& method);
  // The loss of a candidate on the text that tunes; kMissing when it has not been tried.
  double tuning_loss(const std::string& method, const Candidate& candidate);

 private:
  PlannedPool base_pool(const std::string& base, std::int64_t seed);
  PlannedPool tuning_pool(const Method& method, const Candidate& candidate);
  PlannedPool run_pool(const Method& method, const Order& order, std::int64_t seed);
  PlannedStage planned_stage(const std::string& verb, const std::string& domain, const StageText& text, const Words& options,
                             std::int64_t seed) const;
  PlannedPool copied(const std::string& base, std::int64_t seed, const std::string& folder);

  void run_all(const std::vector<PlannedPool>& pools);
  void advance(const PlannedPool& planned);
  void make_pool(const PlannedPool& planned);
  void run_stage(const PlannedPool& planned, std::size_t at, bool resume);
  void call(const PlannedPool& planned, Words words);

  const Suite& suite_;
  RunnerOptions options_;
  StageTexts texts_;
  std::ostream& out_;
  const std::atomic<bool>& stop_;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::map<std::string, const Candidate*> chosen_;  // by method, once known
  std::size_t stages_run_ = 0, stages_wanted_ = 0;
};

}  // namespace peer::continual
