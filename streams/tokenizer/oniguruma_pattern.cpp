#include "streams/tokenizer/oniguruma_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "peer/base/error.h"

namespace peer::streams {
namespace {

constexpr std::string_view kWordProperties = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kGroups[] = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:"};

class Translation {
 public:
  Translation(std::string_view pattern, const std::string& where) : pattern_(pattern), where_(where) {}

  std::string run() {
    if (pattern_.starts_with("(?i)")) take(4);  // further on the two differ in how far it reaches
    while (!rest().empty()) {
      if (rest().front() == '\\')
        escape();
      else if (in_class_)
        class_character();
      else
        character();
    }
    return out_;
  }

 private:
  std::string_view rest() const { return pattern_.substr(at_); }
  bool sees(std::string_view text) const { return rest().starts_with(text); }

  void take(std::size_t size) {
    out_ += rest().substr(0, size);
    at_ += std::min(size, rest().size());
  }
  void replace(std::size_t size, std::string_view by) {
    out_ += by;
    at_ += size;
  }

  void escape() {
    if (rest().size() < 2) refuse(1);
    const char letter = rest()[1];
    switch (letter) {
      case 's':
        return replace(2, "\\p{White_Space}");
      case 'S':
        return replace(2, "\\P{White_Space}");
      case 'w':
        return replace(2, in_class_ ? std::string(kWordProperties) : fmt::format("[{}]", kWordProperties));
      case 'W':
        if (in_class_) refuse(2);
        return replace(2, fmt::format("[^{}]", kWordProperties));
      case 'v':
        return replace(2, "\\x0B");
      case 'u': {
        const std::string_view digits = rest().substr(2, 4);
        if (digits.size() < 4 || !std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isxdigit(c) != 0; }))
          refuse(2);
        return replace(6, fmt::format("\\x{{{}}}", digits));
      }
      case 'A':
      case 'z':
      case 'Z':
        if (in_class_) refuse(2);
        return take(2);
      case 'p':
      case 'P':
      case 'x':  // \xHH is a byte of a character to the one, a character to the other
        if (rest().size() < 3 || rest()[2] != '{' || rest().find('}') == std::string_view::npos) refuse(2);
        return take(rest().find('}') + 1);
      case 'd':
      case 'D':
      case 't':
      case 'n':
      case 'r':
      case 'f':
      case 'e':
      case 'a':
        return take(2);
      default:
        // A character of several bytes is escaped as itself: its first byte now, the others as they come.
        if (static_cast<unsigned char>(letter) < 0x80 && std::isalnum(static_cast<unsigned char>(letter))) refuse(2);
        return take(2);
    }
  }

  void class_character() {
    if (rest().front() == '[' || sees("&&")) refuse(2);
    in_class_ = rest().front() != ']';
    take(1);
  }

  void character() {
    switch (rest().front()) {
      case '[':
        in_class_ = true;
        take(sees("[^") ? 2 : 1);
        if (sees("]")) refuse(1);
        return;
      case '(':
        if (sees("(*")) refuse(2);
        if (!sees("(?")) return take(1);
        for (const std::string_view group : kGroups)
          if (sees(group)) return take(group.size());
        refuse(3);
      case '{':
        return interval();
      default:
        return take(1);
    }
  }

  // {n}, {n,}, {n,m}; any other brace is a character.
  void interval() {
    std::size_t end = 1;
    const auto digits = [&] {
      const std::size_t begin = end;
      while (end < rest().size() && std::isdigit(static_cast<unsigned char>(rest()[end])) != 0) ++end;
      return end - begin;
    };
    const bool least = digits() > 0;
    const bool comma = rest().substr(end).starts_with(',');
    if (comma) ++end;
    const bool most = comma && digits() > 0;
    if (!rest().substr(end).starts_with('}') || !(least || most)) return replace(1, "\\{");
    if (!least || rest().substr(end + 1).starts_with('+')) refuse(end + 2);
    take(end + 1);
  }

  [[noreturn]] void refuse(std::size_t size) const {
    throw UsageError(fmt::format("{}: '{}' at byte {} of the pattern is not supported, expected a regular expression without it: '{}'",
                                 where_, rest().substr(0, size), at_, pattern_));
  }

  std::string_view pattern_;
  const std::string& where_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

std::string pcre2_of_oniguruma(std::string_view pattern, const std::string& where) { return Translation(pattern, where).run(); }

}  // namespace peer::streams
