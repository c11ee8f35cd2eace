// The toolkit as a library: a model learns one text, grows and learns another, and says what that cost the first.
//
//   learn_two_texts POOL FIRST SECOND     POOL: a folder that does not exist yet; FIRST, SECOND: files or folders of text
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "peer/model/presets.h"
#include "trainer/evaluation/retention.h"
#include "trainer/stage.h"

namespace {

using namespace peer;

constexpr int kThreads = 1;
std::atomic<bool> stop{false};

class Lines final : public Progress {
 public:
  void update(const std::string& task, std::int64_t done, std::int64_t total, const std::string& detail) override {
    if (done == total) std::printf("%s: %s\n", task.c_str(), detail.c_str());
  }
  void note(const std::string& line) override { std::printf("%s\n", line.c_str()); }
};

// One stage: on an untrained model it trains the base, later it grows a view for the text.
trainer::StageOutcome learn(const std::string& pool, const std::string& domain, const std::string& text) {
  trainer::RunOptions options;  // what the command line's options are, with the same defaults
  options.stage.domain = domain;
  options.stream.from = {text};
  options.train.steps = 16, options.train.batch = 4;
  options.measure.eval_bytes = 8 << 10;
  trainer::Session session = trainer::open_session(pool, trainer::kHead, pool::Access::kWrite, Device{}, kThreads);
  options.grow_first = session.loaded.history.any_stage();
  Lines progress;
  return trainer::run_stage(session, options, progress, stop);
}

int run(const std::string& pool, const std::string& first, const std::string& second) {
  const model::Preset& preset = model::preset("tiny");
  trainer::init_pool(pool, preset.model, preset.delta, /*seed=*/0, Device{}, kThreads);
  for (const auto& [domain, text] : {std::pair("first", first), std::pair("second", second)})
    if (learn(pool, domain, text).interrupted) return 75;  // the state of that moment is in the pool; trainer::resume_stage goes on

  const trainer::Session session = trainer::open_session(pool, trainer::kHead, pool::Access::kRead, Device{}, kThreads);
  const trainer::RetentionMatrix matrix = trainer::matrix_of(session.loaded.history);
  const trainer::RetentionNumbers numbers = trainer::derive(matrix);
  std::printf("bits per byte: first %.3f, then %.3f; second %.3f, untrained %.3f; forgotten %.4f\n", matrix.loss[1][0], matrix.loss[2][0],
              matrix.loss[2][1], matrix.loss[0][1], numbers.forgetting_max);
  const bool learnt = matrix.loss[1][0] < matrix.loss[0][0] && matrix.loss[2][1] < matrix.loss[1][1];
  return learnt && numbers.forgetting_max < 0.01 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return std::fprintf(stderr, "usage: %s POOL FIRST SECOND\n", argv[0]), 2;
  std::signal(SIGINT, [](int) { stop = true; });
  return run(argv[1], argv[2], argv[3]);
} catch (const std::exception& error) {  // one line: what, where, expected, found, what to try
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
