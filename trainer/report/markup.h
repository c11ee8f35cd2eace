// Text on its way into a page: nothing that a report names may become a tag, an attribute or a script.
#pragma once

#include <string>
#include <string_view>

namespace peer::trainer {

// For element content and quoted attributes alike: & < > " ' become entities, control characters '?'.
std::string escaped(std::string_view text);

// A figure with a real minus sign, so that it lines up with a plus sign; "-" alone, which stands for missing, becomes a dash.
std::string figure(std::string_view number);

}  // namespace peer::trainer
