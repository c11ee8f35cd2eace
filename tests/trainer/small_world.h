// Three small domains of text on disk, pools beside them, and stages on a model of a few thousand numbers.
#pragma once

#include <atomic>
#include <string>

#include "peer/base/error.h"
#include "tests/support/domain_text.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"
#include "tests/support/tiny_model.h"
#include "trainer/stage.h"

namespace peer::trainer::test {

using namespace peer::test;

// Stops the run after a number of training steps, as ctrl-C would.
class StopAfter final : public Progress {
 public:
  explicit StopAfter(std::int64_t steps) : steps_(steps) {}
  void update(const std::string& task, std::int64_t done, std::int64_t, const std::string&) override {
    if (task.starts_with("train") && done == steps_) stop = true;
  }
  void note(const std::string&) override {}
  std::atomic<bool> stop{false};

 private:
  std::int64_t steps_;
};

// Ends the run with an error after a number of training steps: nothing more is committed, as if it had been killed.
class FailAt final : public Progress {
 public:
  explicit FailAt(std::int64_t step) : step_(step) {}
  void update(const std::string& task, std::int64_t done, std::int64_t, const std::string&) override {
    if (task.starts_with("train") && done == step_) throw IoError("a step that fails");
  }
  void note(const std::string&) override {}

 private:
  std::int64_t step_;
};

inline constexpr int kThreads = 1;  // the work of a step is too small to be worth waking a thread for
inline constexpr std::int64_t kNever = -1;
inline constexpr const char* kNames[] = {"sea", "code", "molecules"};

class SmallWorld {
 public:
  SmallWorld() {
    for (int d = 0; d < 3; ++d) write_file(folder_ / (std::string(kNames[d]) + ".txt"), domain_text(d, 60));
  }
  std::string init(const std::string& name, model::ModelOptions options = tiny_options()) const {
    init_pool(folder_ / name, options, tiny_delta(), 1, test_device(), kThreads);
    return folder_ / name;
  }
  RunOptions options(int domain, std::int64_t steps = 24) const {
    RunOptions o;
    o.stage.domain = kNames[domain];
    o.grow_first = domain > 0;
    o.stream.from = {folder_ / (o.stage.domain + ".txt")};
    o.stream.document_bytes = 400;
    o.stream.held_out_share = 0.2;
    o.train.steps = steps, o.train.batch = 4;
    o.measure.eval_bytes = 3000, o.evaluate.eval_batch = 4;
    return o;
  }
  static Session open(const std::string& pool, const std::string& ref = kHead, pool::Access access = pool::Access::kWrite) {
    return open_session(pool, ref, access, test_device(), kThreads);
  }
  // Or goes on, when the session stands at an unfinished stage.
  static StageOutcome run(Session& session, const RunOptions& options, std::int64_t stop_after = kNever) {
    StopAfter progress(stop_after);
    if (session.loaded.run) {
      RunOptions stored = options_of(*session.loaded.run);
      stored.profile = options.profile;
      return resume_stage(session, stored, progress, progress.stop);
    }
    return run_stage(session, options, progress, progress.stop);
  }
  StageOutcome stage(const std::string& pool, int domain) const {
    Session session = open(pool);
    return run(session, options(domain));
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

inline Digest head_content(const std::string& path) {
  const pool::Pool pool = pool::Pool::open(path, pool::Access::kRead);
  return pool.generation(pool.resolve(kHead)).content;
}

}  // namespace peer::trainer::test
