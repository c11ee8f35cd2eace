#include "tests/bench/continual/stage_plan.h"

#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "peer/base/error.h"
#include "pool/pool.h"
#include "trainer/state/session.h"
#include "trainer/state/stored_state.h"

namespace peer::continual {
namespace {

namespace fs = std::filesystem;

Words lines_of(const PlannedPool& planned) {
  Words lines = {fmt::format("init {}", fmt::join(planned.init, " "))};
  for (const PlannedStage& stage : planned.stages) lines.push_back(fmt::format("{}", fmt::join(stage.command, " ")));
  return lines;
}

std::string plan_file(const PlannedPool& planned) { return planned.folder + "/plan"; }

}  // namespace

PoolProgress progress_of(const PlannedPool& planned) {
  PoolProgress progress;
  if (!fs::exists(planned.pool())) return progress;
  const pool::Pool pool = pool::Pool::open(planned.pool(), pool::Access::kRead);
  const pool::Generation head = pool.generation(pool.resolve(trainer::kHead));
  progress.exists = true;
  progress.interrupted = pool.ref(trainer::kResume).has_value();
  const trainer::History history = trainer::parse_state(head.state, planned.pool()).history;
  for (std::size_t i = 1; i < history.stages.size(); ++i) progress.stages.push_back(history.stages[i].domain);
  return progress;
}

std::size_t stages_done(const PlannedPool& planned, const PoolProgress& progress) {
  const auto refuse = [&](const std::string& why) {
    throw UsageError(fmt::format("{}: {}; remove the folder to run it anew, or choose another one for the results", planned.folder, why));
  };
  const std::size_t done = progress.stages.size();
  if (!progress.exists) return 0;
  if (done > planned.stages.size()) refuse(fmt::format("expected at most {} stages, found {}", planned.stages.size(), done));
  for (std::size_t i = 0; i < done; ++i)
    if (progress.stages[i] != planned.stages[i].domain)
      refuse(fmt::format("expected stage {} to be '{}', found '{}'", i + 1, planned.stages[i].domain, progress.stages[i]));
  const std::size_t begun = 1 + done + (progress.interrupted ? 1 : 0);
  const Words lines = lines_of(planned);
  std::ifstream file(plan_file(planned));
  std::string line;
  for (std::size_t i = 0; i < begun && i < lines.size() && std::getline(file, line); ++i)
    if (line != lines[i]) refuse(fmt::format("made by other commands than the suite's: found '{}', expected '{}'", line, lines[i]));
  return done;
}

void write_plan(const PlannedPool& planned) {
  fs::create_directories(planned.folder);
  std::ofstream file(plan_file(planned), std::ios::trunc);
  for (const std::string& line : lines_of(planned)) file << line << '\n';
  if (!file.flush()) throw IoError(fmt::format("'{}' cannot be written", plan_file(planned)));
}

}  // namespace peer::continual
