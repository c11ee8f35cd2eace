#include "streams/tokenizer/text_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <new>

#include "peer/base/error.h"

namespace peer::streams {
namespace {

constexpr std::size_t kJitStackBytes = 32 << 10, kMaxJitStackBytes = 4 << 20;

std::string message_of(int error) {
  char text[256] = {};
  pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof(text));
  return text;
}

template <auto release>
struct Release {
  void operator()(auto* handle) const { release(handle); }
};

template <class Handle, auto release>
using Owned = std::unique_ptr<Handle, Release<release>>;

template <class Handle>
Handle* made(Handle* handle) {
  if (handle == nullptr) throw std::bad_alloc();
  return handle;
}

}  // namespace

struct PatternScratch::Parts {
  Owned<pcre2_match_data, pcre2_match_data_free> match{made(pcre2_match_data_create(1, nullptr))};
  Owned<pcre2_jit_stack, pcre2_jit_stack_free> stack{pcre2_jit_stack_create(kJitStackBytes, kMaxJitStackBytes, nullptr)};  // none: no JIT
  Owned<pcre2_match_context, pcre2_match_context_free> context{made(pcre2_match_context_create(nullptr))};

  Parts() {
    if (stack) pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
  }
};

PatternScratch::PatternScratch() : parts_(std::make_unique<Parts>()) {}
PatternScratch::~PatternScratch() = default;

TextPattern TextPattern::expression(const std::string& pcre2, const std::string& where) { return {pcre2, false, where}; }
TextPattern TextPattern::literal(const std::string& text, const std::string& where) { return {text, true, where}; }

TextPattern::TextPattern(const std::string& pattern, bool is_literal, const std::string& where) : where_(where) {
  const Owned<pcre2_compile_context, pcre2_compile_context_free> context(made(pcre2_compile_context_create(nullptr)));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  const std::uint32_t options = PCRE2_UTF | (is_literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset, context.get());
  if (code == nullptr) throw UsageError(fmt::format("{}: the pattern at byte {} of '{}': {}", where_, offset, pattern, message_of(error)));
  code_ = std::shared_ptr<const void>(code, [](const void* it) { pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(it))); });
  std::uint32_t matches_nothing = 0;
  pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &matches_nothing);
  if (matches_nothing != 0 || pattern.empty())
    throw UsageError(fmt::format("{}: expected a pattern that matches at least one character, found '{}'", where_, pattern));
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where there is no JIT, pcre2_match interprets
}

std::optional<TextPattern::Match> TextPattern::find(std::string_view text, std::size_t from, PatternScratch& scratch) const {
  PatternScratch::Parts& parts = *scratch.parts_;
  const int matched = pcre2_match(static_cast<const pcre2_code*>(code_.get()), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                  PCRE2_NO_UTF_CHECK, parts.match.get(), parts.context.get());
  if (matched == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (matched < 0) throw CorpusError(fmt::format("{}: the pattern cannot be matched with a text: {}", where_, message_of(matched)));
  const PCRE2_SIZE* at = pcre2_get_ovector_pointer(parts.match.get());
  // \K can put the start anywhere; the translation from Oniguruma's dialect refuses it.
  return Match{at[0], at[1]};
}

}  // namespace peer::streams
