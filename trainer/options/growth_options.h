// What a stage grows, what it may change, and who predicts afterwards.
#pragma once

#include <cstdint>
#include <string>

#include "peer/base/options.h"

namespace peer::trainer {

enum class Growth { kAnnex, kAdapters, kExtend, kNone };
enum class Trains { kAuto, kAll, kGrown, kAdapters, kExperts };
enum class Prediction { kMixture, kHead };

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::Growth> {
  using enum trainer::Growth;
  static constexpr std::pair<trainer::Growth, std::string_view> values[] = {
      {kAnnex, "annex"}, {kAdapters, "adapters"}, {kExtend, "extend"}, {kNone, "none"}};
};
template <>
struct EnumNames<trainer::Trains> {
  using enum trainer::Trains;
  static constexpr std::pair<trainer::Trains, std::string_view> values[] = {
      {kAuto, "auto"}, {kAll, "all"}, {kGrown, "grown"}, {kAdapters, "adapters"}, {kExperts, "experts"}};
};
template <>
struct EnumNames<trainer::Prediction> {
  using enum trainer::Prediction;
  static constexpr std::pair<trainer::Prediction, std::string_view> values[] = {{kMixture, "mixture"}, {kHead, "head"}};
};
}  // namespace peer

namespace peer::trainer {

struct GrowthOptions {
  Growth grows = Growth::kAnnex;
  std::string experts = "preset";
  std::string parent = "auto";
  Trains trains = Trains::kAuto;
  Prediction predicts = Prediction::kMixture;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.grows, OptionInfo{"grows",
                                 "annex: experts, adapters and deltas of its own; adapters: the same without experts and dense block; "
                                 "extend: larger grids of the base, as long as no view was grown; none: nothing"});
    visit(self.experts,
          OptionInfo{
              "experts",
              "experts that the stage adds, over all layers: a number (at least so many: every layer gets a square grid), preset, or auto: "
              "as many as a short probe finds worth it, and none when the text is known",
              "N|preset|auto"});
    visit(self.parent,
          OptionInfo{"parent-view",
                     "the view that the stage grows on, or newest; auto: the one that predicts a sample of the new text best"});
    visit(self.trains,
          OptionInfo{"trains",
                     "what may change; grown: what the stage grew (of extended grids: new experts, new sub-keys, and the query maps); all: "
                     "that and everything older on the view's path; adapters: the new low-rank adapters alone; experts: the experts' rows "
                     "alone, without trunk and routers; auto: grown, or all when nothing grows. The first stage of a pool trains all"});
    visit(self.predicts, OptionInfo{"predicts", "who answers from now on: the mixture over all views, or the head view alone"});
  }
};

inline bool grows_view(const GrowthOptions& options) { return options.grows == Growth::kAnnex || options.grows == Growth::kAdapters; }

// With auto resolved.
inline Trains what_trains(const GrowthOptions& options) {
  if (options.trains != Trains::kAuto) return options.trains;
  return options.grows == Growth::kNone ? Trains::kAll : Trains::kGrown;
}

// `text` as --experts takes it. UsageError unless it is auto, preset or a number from 1 to 2^30.
struct WantedExperts {
  bool by_novelty = false;
  std::int64_t count = 0;  // 0: the preset's
};
WantedExperts wanted_experts(const std::string& text);

}  // namespace peer::trainer
