#include "trainer/options/train_options.h"

#include <fmt/format.h>

#include "peer/base/option_check.h"

namespace peer::trainer {
namespace {

template <class T>
void expect_at_least(std::string_view option, T least, T found) {
  check_option(found >= least, option, fmt::format("{} or more", least), found);
}

void expect_share(std::string_view option, double found) { check_option(found >= 0 && found <= 1, option, "a share from 0 to 1", found); }

}  // namespace

void take_rates_of_import(TrainOptions& options) { options.trunk_rate = 1e-4, options.delta_rate = 2e-3; }

void check(const TrainOptions& options) {
  constexpr std::int64_t kMostSteps = 1'000'000'000;
  check_option(options.steps >= 1 && options.steps <= kMostSteps, "steps", fmt::format("1 to {}", kMostSteps), options.steps);
  expect_at_least<std::int64_t>("batch", 1, options.batch);
  for (const auto& [name, rate] :
       {std::pair("trunk-rate", options.trunk_rate), std::pair("delta-rate", options.delta_rate),
        std::pair("router-rate", options.router_rate), std::pair("expert-rate", options.expert_rate),
        std::pair("weight-decay", options.weight_decay), std::pair("clip", options.clip), std::pair("expert-clip", options.expert_clip)})
    expect_at_least<double>(name, 0, rate);
  for (const auto& [name, beta] : {std::pair("beta1", options.beta1), std::pair("beta2", options.beta2)})
    check_option(beta >= 0 && beta < 1, name, "a number in [0, 1)", beta);
  expect_share("warmup-share", options.warmup_share);
  expect_share("final-share", options.final_share);
  expect_share("cooldown-share", options.cooldown_share);
  expect_share("constant-share", options.constant_share);
  expect_share("anneal-share", options.anneal_share);
}

void check(const EvaluateOptions& options) {
  expect_at_least<std::int64_t>("eval-batch", 1, options.eval_batch);
  check_option(options.eval_overlap >= 0 && options.eval_overlap < 1, "eval-overlap", "a share in [0, 1)", options.eval_overlap);
  check_option(options.guess >= 0 && options.guess < 1, "guess", "a chance in [0, 1)", options.guess);
}

void check(const MeasureOptions& options) {
  expect_at_least<std::int64_t>("checkpoint-every", 0, options.checkpoint_every);
  expect_at_least<std::int64_t>("eval-every", 0, options.eval_every);
  expect_at_least<std::int64_t>("eval-bytes", 1, options.eval_bytes);
}

}  // namespace peer::trainer
