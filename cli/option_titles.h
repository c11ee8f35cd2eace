// The heading of each options struct in --help and docs/commands.md, by its type: the struct itself need not know that it is printed.
#pragma once

#include <string_view>

#include "cli/common_options.h"

namespace peer::model {
struct ModelOptions;
struct DeltaOptions;
struct MixtureOptions;
}  // namespace peer::model

namespace peer::streams {
struct StreamOptions;
}

namespace peer::trainer {
struct StageOptions;
struct TrainOptions;
struct EvaluateOptions;
}  // namespace peer::trainer

namespace peer::cli {

struct ResumeOptions;

template <class Options>
inline constexpr std::string_view kTitleOf = "Options";

template <>
inline constexpr std::string_view kTitleOf<CommonOptions> = "Common options";
template <>
inline constexpr std::string_view kTitleOf<ResumeOptions> = "This run";
template <>
inline constexpr std::string_view kTitleOf<model::ModelOptions> = "The base";
template <>
inline constexpr std::string_view kTitleOf<model::DeltaOptions> = "What a stage adds";
template <>
inline constexpr std::string_view kTitleOf<model::MixtureOptions> = "Mixture over views";
template <>
inline constexpr std::string_view kTitleOf<streams::StreamOptions> = "Corpus";
template <>
inline constexpr std::string_view kTitleOf<trainer::StageOptions> = "Stage";
template <>
inline constexpr std::string_view kTitleOf<trainer::TrainOptions> = "Training";
template <>
inline constexpr std::string_view kTitleOf<trainer::EvaluateOptions> = "Evaluation";

}  // namespace peer::cli
