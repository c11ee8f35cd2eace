// Whole stages on another device than the CPU (PEER_TEST_DEVICE), against the same stages on the CPU.
#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/trainer/small_world.h"

using namespace peer;
using namespace peer::trainer;
using namespace peer::trainer::test;

namespace {

constexpr double kTolerance = 2e-4;  // of a loss in bits a byte, after a few steps: sums are in another order

RunOptions short_stage(const SmallWorld& world, Strategy strategy, int domain) {
  RunOptions options = world.options(domain, 3);
  options.stage = composed(strategy);
  options.stage.domain = kNames[domain];
  options.stage.penalty_samples = 2, options.stage.rows_background = 2;
  if (strategy == Strategy::kSmf) options.stage.rows = 12, options.stage.rows_rate = 300;
  if (strategy == Strategy::kSelfReplay) options.stage.self_text = 100;
  options.train.batch = 2, options.measure.checkpoint_every = 1;  // commits beside the steps, whatever the strategy has to keep
  options.measure.eval_bytes = 400, options.evaluate.eval_batch = 2;
  options.evaluate.eval_overlap = 0;
  return options;
}

// The training loss of every step, then the held-out loss of every domain after each stage.
struct Losses {
  std::vector<double> training, held_out;
};

Losses learn_two(const SmallWorld& world, Strategy strategy, Device device, const std::string& name) {
  const std::string path = world / (to_text(strategy) + "." + name);
  init_pool(path, tiny_options(), tiny_delta(), 1, device, kThreads);
  Session session = open_session(path, kHead, pool::Access::kWrite, device, kThreads);
  for (const int domain : {0, 1}) {
    RunOptions options = short_stage(world, strategy, domain);
    options.metrics = path + ".metrics";
    SmallWorld::run(session, options);
  }
  Losses losses;
  std::ifstream metrics(path + ".metrics");
  for (std::string line; std::getline(metrics, line);) losses.training.push_back(nlohmann::json::parse(line).at("bits_per_byte"));
  for (const StageRecord& stage : session.loaded.history.stages)
    for (const auto& [domain, loss] : stage.loss) losses.held_out.push_back(loss);
  return losses;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

void check_like_on_the_cpu(Strategy strategy) {
  INFO(to_text(strategy));
  const SmallWorld world;
  const Losses cpu = learn_two(world, strategy, {}, "cpu"), device = learn_two(world, strategy, test_device(), "device");
  REQUIRE(cpu.training.size() == 6);
  REQUIRE(cpu.held_out.size() >= 3);
  CHECK(largest_difference(cpu.training, device.training) < kTolerance);
  CHECK(largest_difference(cpu.held_out, device.held_out) < kTolerance);
}

}  // namespace

TEST_CASE("growing on the device follows the CPU's losses, in training and on held-out text with the mixture") {
  check_like_on_the_cpu(Strategy::kGrow);
}

TEST_CASE("a stage on the device gives the same bits every time, and a stage that was interrupted there ends in them too") {
  const SmallWorld world;
  const auto stage = [&](const std::string& name, std::int64_t stop_after) {
    const std::string path = world.init(name);
    const RunOptions options = short_stage(world, Strategy::kGrow, 0);
    for (int sitting = 0; sitting < (stop_after == kNever ? 1 : 2); ++sitting) {
      Session session = SmallWorld::open(path, sitting == 0 ? kHead : kResume);
      SmallWorld::run(session, options, sitting == 0 ? stop_after : kNever);
    }
    return head_content(path);
  };
  const Digest once = stage("once", kNever);
  CHECK(stage("twice", kNever) == once);
  CHECK(stage("interrupted", 1) == once);
}

TEST_CASE("what a pool learnt on the device the CPU goes on with") {
  const SmallWorld world;
  const std::string path = world.init("pool");
  const auto losses = [&](Device device) {
    Session session = open_session(path, kHead, pool::Access::kRead, device, kThreads);
    return logits_of(session.ctx, session.loaded.model, session.loaded.model.newest(), tiny_tokens(32, 257), 16);
  };
  {
    Session session = SmallWorld::open(path);
    SmallWorld::run(session, short_stage(world, Strategy::kGrow, 0));
  }
  const std::vector<float> here = losses({}), there = losses(test_device());
  REQUIRE(here.size() == there.size());
  for (std::size_t i = 0; i < here.size(); ++i) CHECK(std::abs(here[i] - there[i]) < 1e-4);
}

TEST_CASE("every strategy on the device follows the CPU's losses") {
  for (const auto& [strategy, name] : EnumNames<Strategy>::values)
    if (strategy != Strategy::kGrow) check_like_on_the_cpu(strategy);
}
