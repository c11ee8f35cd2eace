#include "streams/tokenizer/text_normalizer.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <vector>

#include "peer/base/error.h"

namespace peer::streams {
namespace {

bool is_ascii(unsigned char byte) { return byte < 0x80; }

utf8proc_option_t options_of(UnicodeForm form) {
  constexpr auto kStable = UTF8PROC_STABLE;
  switch (form) {
    case UnicodeForm::kNfc:
      return static_cast<utf8proc_option_t>(kStable | UTF8PROC_COMPOSE);
    case UnicodeForm::kNfd:
      return static_cast<utf8proc_option_t>(kStable | UTF8PROC_DECOMPOSE);
    case UnicodeForm::kNfkc:
      return static_cast<utf8proc_option_t>(kStable | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case UnicodeForm::kNfkd:
      break;
  }
  return static_cast<utf8proc_option_t>(kStable | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
}

[[noreturn]] void refuse(utf8proc_ssize_t error) {
  throw CorpusError(fmt::format("a text cannot be brought into its Unicode normal form: {}", utf8proc_errmsg(error)));
}

std::vector<utf8proc_int32_t> decomposed(std::string_view text, utf8proc_option_t options) {
  constexpr std::size_t kLongest = 32;  // a character becomes 18 at most
  std::vector<utf8proc_int32_t> points;
  int boundary = 0;
  while (!text.empty()) {
    utf8proc_int32_t point = 0;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), std::ssize(text), &point);
    if (size < 0) refuse(size);
    text.remove_prefix(static_cast<std::size_t>(size));
    const std::size_t done = points.size();
    points.resize(done + kLongest);
    const auto made = utf8proc_decompose_char(point, points.data() + done, kLongest, options, &boundary);
    if (made < 0 || made > std::ptrdiff_t{kLongest}) refuse(made < 0 ? made : UTF8PROC_ERROR_OVERFLOW);
    points.resize(done + static_cast<std::size_t>(made));
  }
  return points;
}

// Unicode's canonical order. utf8proc_map would sort a run of marks in quadratic time: minutes for a text of nothing else.
void order_marks(std::vector<utf8proc_int32_t>& points) {
  const auto rank = [](utf8proc_int32_t point) { return utf8proc_get_property(point)->combining_class; };
  for (auto begin = points.begin(); begin != points.end();) {
    begin = std::find_if(begin, points.end(), [&](auto point) { return rank(point) != 0; });
    const auto end = std::find_if(begin, points.end(), [&](auto point) { return rank(point) == 0; });
    std::stable_sort(begin, end, [&](auto a, auto b) { return rank(a) < rank(b); });
    begin = end;
  }
}

void append_normalized(std::string_view text, UnicodeForm form, std::string& out) {
  const utf8proc_option_t options = options_of(form);
  std::vector<utf8proc_int32_t> points = decomposed(text, options);
  order_marks(points);
  const auto size = utf8proc_normalize_utf32(points.data(), std::ssize(points), options);
  if (size < 0) refuse(size);
  for (utf8proc_ssize_t i = 0; i < size; ++i) {
    utf8proc_uint8_t character[4];
    const auto bytes = utf8proc_encode_char(points[static_cast<std::size_t>(i)], character);
    out.append(reinterpret_cast<const char*>(character), static_cast<std::size_t>(bytes));
  }
}

// ASCII stays as it is, but for a character before a mark that may combine with it: so only the stretches between are looked at.
std::string normalized(std::string_view text, UnicodeForm form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t done = 0; done < text.size();) {
    const auto begin = text.begin() + static_cast<std::ptrdiff_t>(done);
    auto foreign = std::find_if_not(begin, text.end(), is_ascii);
    const auto behind = std::find_if(foreign, text.end(), is_ascii);
    if (foreign != text.end() && foreign != begin) --foreign;
    out.append(begin, foreign);
    if (foreign != behind) append_normalized({foreign, behind}, form, out);
    done = static_cast<std::size_t>(behind - text.begin());
  }
  return out;
}

std::string replaced(std::string_view text, const ReplaceText& step, PatternScratch& scratch) {
  std::string out;
  out.reserve(text.size());
  std::size_t done = 0;
  while (const auto match = step.pattern.find(text, done, scratch)) {
    out.append(text.substr(done, match->begin - done)).append(step.by);
    done = match->end;
  }
  return out.append(text.substr(done));
}

}  // namespace

std::string_view TextNormalizer::apply(std::string_view text, TextStart start, std::string& changed, PatternScratch& scratch) const {
  for (const Step& step : steps_) {
    if (text.empty()) break;
    if (const auto* prepend = std::get_if<PrependText>(&step)) {
      if (start == TextStart::kStrayByte) continue;
      changed = fmt::format("{}{}", prepend->text, text);
    } else if (const auto* form = std::get_if<UnicodeForm>(&step)) {
      if (std::all_of(text.begin(), text.end(), is_ascii)) continue;
      changed = normalized(text, *form);
    } else {
      changed = replaced(text, std::get<ReplaceText>(step), scratch);
    }
    text = changed;
  }
  return text;
}

}  // namespace peer::streams
