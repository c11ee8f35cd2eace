// What a stage grows, and on which view.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "peer/base/progress.h"
#include "streams/document.h"
#include "trainer/options/strategy.h"
#include "trainer/options/train_options.h"
#include "trainer/state/session.h"

namespace peer::trainer {

// The delta of a stage that adds `experts` over all layers, each layer's annex a square; 0: as many as the preset says. Growth::kAdapters:
// the preset's without annexes and dense blocks.
model::DeltaOptions delta_for(const model::ModelOptions& model, const model::DeltaOptions& preset, std::int64_t experts,
                              Growth grows = Growth::kAnnex);

// Training documents that stand for the new text when views are compared.
std::vector<streams::Document> sample_of(std::span<const streams::Document> documents);

// The side of the base's grids when they get `experts` more in all (0: as many as an annex of the preset in each layer has), rounded up to
// whole grids. UsageError when that is not possible: views were grown on the base, or it has no grid.
std::int64_t extended_side(const model::Model& model, const model::DeltaOptions& preset, std::int64_t experts);

// The view to grow on: the one called `parent`, "newest", or with "auto" the one that predicts a sample of the documents with the fewest
// bits. ScoringStopped once `stop` is set.
int choose_parent(Context& ctx, LanguageModel language, const std::string& parent, std::span<const streams::Document> documents,
                  const EvaluateOptions& options, Progress& progress, const std::atomic<bool>& stop);

enum class GrowMode { kAnnex, kExtend };

// Grows by hand and commits: every logit stays as it was. annex: a new view on the newest, to be trained by the next `train`;
// extend: the base's grids get `experts` more in all, opened by the next `train`, while everything is still trained.
pool::CommitReport grow(Session& session, std::int64_t experts, GrowMode mode, const std::string& parent, Progress& progress);

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::GrowMode> {
  static constexpr std::pair<trainer::GrowMode, std::string_view> values[] = {{trainer::GrowMode::kAnnex, "annex"},
                                                                              {trainer::GrowMode::kExtend, "extend"}};
};
}  // namespace peer
