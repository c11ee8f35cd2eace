#include "cli/option_limits.h"

#include <fmt/format.h>

namespace peer::cli {
namespace {

template <class T>
void expect(bool held, std::string_view option, std::string_view what, T found) {
  if (!held) throw UsageError(fmt::format("option '{}': expected {}, found {}", option, what, found));
}

template <class T>
void expect_at_least(std::string_view option, T least, T found) {
  expect(found >= least, option, fmt::format("{} or more", least), found);
}

void expect_share(std::string_view option, double found) { expect(found >= 0 && found <= 1, option, "a share from 0 to 1", found); }

}  // namespace

void check_limits(const CommonOptions& options) {
  constexpr std::int64_t kMostThreads = 4096;
  expect(options.threads >= 0 && options.threads <= kMostThreads, "threads", fmt::format("0 to {}", kMostThreads), options.threads);
  constexpr double kMostGigabytes = 1e6;  // whose bytes an integer holds
  expect(options.device_memory >= 0 && options.device_memory <= kMostGigabytes, "device-memory", fmt::format("0 to {}", kMostGigabytes),
         options.device_memory);
}

void check_limits(const model::DeltaOptions& options) {
  constexpr std::int64_t kLongestSide = std::int64_t{1} << 15;  // a block numbers its experts in 31 bits
  expect(options.annex_side >= 0 && options.annex_side <= kLongestSide, "annex-side", fmt::format("0 to {}", kLongestSide),
         options.annex_side);
}

void check_experts(std::int64_t experts) {
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  expect(experts >= 0 && experts <= kMost, "experts", fmt::format("0 to {}", kMost), experts);
}

void check_limits(const trainer::TrainOptions& options) {
  constexpr std::int64_t kMostSteps = 1'000'000'000;
  expect(options.steps >= 1 && options.steps <= kMostSteps, "steps", fmt::format("1 to {}", kMostSteps), options.steps);
  expect_at_least<std::int64_t>("batch", 1, options.batch);
  expect_at_least<std::int64_t>("checkpoint-every", 0, options.checkpoint_every);
  expect_at_least<std::int64_t>("eval-every", 0, options.eval_every);
  for (const auto& [name, rate] :
       {std::pair("trunk-rate", options.trunk_rate), std::pair("delta-rate", options.delta_rate),
        std::pair("router-rate", options.router_rate), std::pair("expert-rate", options.expert_rate),
        std::pair("weight-decay", options.weight_decay), std::pair("clip", options.clip), std::pair("expert-clip", options.expert_clip)})
    expect_at_least<double>(name, 0, rate);
  for (const auto& [name, beta] : {std::pair("beta1", options.beta1), std::pair("beta2", options.beta2)})
    expect(beta >= 0 && beta < 1, name, "a number in [0, 1)", beta);
  expect_share("warmup-share", options.warmup_share);
  expect_share("final-share", options.final_share);
  expect_share("cooldown-share", options.cooldown_share);
  expect_share("constant-share", options.constant_share);
  expect_share("anneal-share", options.anneal_share);
}

void check_limits(const trainer::EvaluateOptions& options) {
  expect_at_least<std::int64_t>("eval-bytes", 1, options.eval_bytes);
  expect_at_least<std::int64_t>("eval-batch", 1, options.eval_batch);
  expect(options.eval_overlap >= 0 && options.eval_overlap < 1, "eval-overlap", "a share in [0, 1)", options.eval_overlap);
  expect(options.guess >= 0 && options.guess < 1, "guess", "a chance in [0, 1)", options.guess);
}

void check_fits_memory(Device device, double bytes, double expert_bytes) {
  const auto check = [](double needed, double there, const std::string& where) {
    if (needed > there)
      throw DeviceError(fmt::format(
          "out of memory: {:.1f} GB are needed at least, {} has {:.1f} GB; a smaller preset, batch or number of experts needs less "
          "(--dry-run prints how much)",
          needed / 1e9, where, there / 1e9));
  };
  check(bytes, static_cast<double>(memory_bytes({})), "this machine");
  if (!device.is_cpu()) check(bytes - expert_bytes, static_cast<double>(memory_bytes(device)), to_text(device));
}

}  // namespace peer::cli
