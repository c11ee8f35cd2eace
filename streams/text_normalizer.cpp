#include "streams/text_normalizer.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

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

struct Free {
  void operator()(utf8proc_uint8_t* memory) const { std::free(memory); }
};

void append_normalized(std::string_view text, UnicodeForm form, std::string& out) {
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                             static_cast<utf8proc_ssize_t>(text.size()), &made, options_of(form));
  const std::unique_ptr<utf8proc_uint8_t, Free> owned(made);
  if (size == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (size < 0) throw CorpusError(fmt::format("a text cannot be brought into its Unicode normal form: {}", utf8proc_errmsg(size)));
  out.append(reinterpret_cast<const char*>(made), static_cast<std::size_t>(size));
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
