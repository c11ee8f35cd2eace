#include "streams/text_cut.h"

#include "streams/tokenizer/utf8.h"

namespace peer::streams {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

// Does the line feed at `at` end an empty line?
bool ends_blank_line(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  return before.ends_with('\n') || before.ends_with("\n\r");
}

}  // namespace

bool is_blank(std::string_view text) { return text.find_first_not_of(kWhiteSpace) == text.npos; }

std::size_t cut_point(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  if (limit == 0) return 0;
  const std::size_t last_line_end = text.rfind('\n', limit - 1);
  if (last_line_end == text.npos) return whole_characters(text, limit);
  for (std::size_t at = last_line_end; at != text.npos && at >= limit / 2; at = at == 0 ? text.npos : text.rfind('\n', at - 1))
    if (ends_blank_line(text, at)) return at + 1;
  return last_line_end + 1;
}

std::size_t line_end_near(std::string_view text, std::size_t wanted) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace), last = text.find_last_not_of(kWhiteSpace);
  if (first == text.npos) return 0;
  std::size_t best = 0;
  const auto distance = [&](std::size_t cut) { return cut > wanted ? cut - wanted : wanted - cut; };
  for (std::size_t at = text.find('\n', first); at < last; at = text.find('\n', at + 1))  // npos is not below `last`
    if (best == 0 || distance(at + 1) < distance(best)) best = at + 1;
  return best;
}

}  // namespace peer::streams
