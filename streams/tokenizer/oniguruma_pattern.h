#pragma once

#include <string>
#include <string_view>

namespace peer::streams {

// A regular expression of Oniguruma's Ruby dialect, which tokenizer.json files hold, as one that PCRE2 (UTF, UCP, MULTILINE) reads alike:
// \s is Unicode's White_Space, \w is Alphabetic, M, Nd and Pc, \v and \uHHHH are one character. UsageError, which names `where`, for what
// the two read differently and no published tokenizer needs: \h, \b, backreferences, nested or intersected classes, verbs, options but
// (?i:...), named groups, possessive intervals.
std::string pcre2_of_oniguruma(std::string_view pattern, const std::string& where);

}  // namespace peer::streams
