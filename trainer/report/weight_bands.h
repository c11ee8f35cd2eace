// The mixture's weights along a document as an inline SVG: bands stacked to 100 %, the oldest view at the bottom.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "trainer/evaluation/document_weights.h"

namespace peer::trainer {

// The style class of a view's colour, by its index in the model: the base has its own, the others take turns.
std::string view_colour(int view);

// `names`: of the views, by index. `number`: of the drawing on its page, for its title's id.
std::string weight_bands(const DocumentWeights& document, const std::vector<std::string>& names, std::size_t number);

}  // namespace peer::trainer
