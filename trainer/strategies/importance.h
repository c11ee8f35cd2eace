// How much each number matters to what was learnt, measured on text of the stage that ends.
//
//   fisher       mean over tokens of (d log p(y | x) / dw)^2, with y drawn from the model itself, one window at a time: the diagonal of the
//                Fisher information. Drawn labels are independent given the text, so squares of a window's summed gradient have the mean of
//                its tokens' squares; squares of a batch's mean gradient, or labels of the corpus, would be something else.
//   sensitivity  mean over windows of |d ||logits||^2 / dw|  (MAS, Aljundi et al. 2018): no labels at all
#pragma once

#include <cstdint>
#include <vector>

#include "streams/document.h"
#include "trainer/state/language_model.h"
#include "trainer/strategies/parameter_field.h"

namespace peer::trainer {

enum class ImportanceKind { kFisher, kSensitivity };

// For the trainable tensors and experts of `views`, on `windows` windows of the documents; not normalised. Gradients are left zero.
// Deterministic in seed.
ParameterField measure_importance(Context& ctx, LanguageModel language, int view, std::span<const int> views, ImportanceKind kind,
                                  const std::vector<streams::Document>& documents, std::int64_t windows, std::uint64_t seed);

}  // namespace peer::trainer
