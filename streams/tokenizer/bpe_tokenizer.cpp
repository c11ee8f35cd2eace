#include <simdjson.h>

#include <mutex>
#include <utility>

#include "peer/base/require.h"
#include "streams/tokenizer/tokenizer.h"
#include "streams/tokenizer/tokenizer_json.h"
#include "streams/tokenizer/utf8.h"

namespace peer::streams {
namespace {

// What one call of append needs and the next one finds warm.
struct Workplace {
  PatternScratch patterns;
  BpeModel::Scratch words;
  std::string normalized;
  std::unique_ptr<Workplace> next;
};

// As many workplaces as there have been calls at once.
class Workplaces {
 public:
  class Loan {
   public:
    explicit Loan(Workplaces& of) : of_(of), workplace_(of.take()) {}
    ~Loan() { of_.give_back(std::move(workplace_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Workplace& operator*() const { return *workplace_; }

   private:
    Workplaces& of_;
    std::unique_ptr<Workplace> workplace_;
  };

 private:
  std::unique_ptr<Workplace> take() {
    {
      const std::lock_guard lock(mutex_);
      if (free_) {
        std::unique_ptr<Workplace> workplace = std::move(free_);
        free_ = std::move(workplace->next);
        return workplace;
      }
    }
    return std::make_unique<Workplace>();
  }
  void give_back(std::unique_ptr<Workplace> workplace) {
    const std::lock_guard lock(mutex_);
    workplace->next = std::move(free_);
    free_ = std::move(workplace);
  }

  std::mutex mutex_;
  std::unique_ptr<Workplace> free_;  // a stack
};

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(TokenizerParts parts)
      : text_of_(std::move(parts.text_of)),
        end_of_document_(parts.end_of_document),
        in_text_(std::move(parts.in_text)),
        in_normalized_text_(std::move(parts.in_normalized_text)),
        normalizer_(std::move(parts.steps.normalizer)),
        pre_tokenizer_(std::move(parts.steps.pre_tokenizer)),
        model_(parts.rules) {}

  std::int64_t vocabulary() const override { return std::ssize(text_of_); }
  std::int32_t end_of_document() const override { return end_of_document_; }

  std::string_view text_of(std::int32_t token) const override {
    require(token >= 0, "tokenizer: a token must not be negative");
    return token < std::ssize(text_of_) ? std::string_view(text_of_[static_cast<std::size_t>(token)]) : std::string_view();
  }

  void append(std::string_view text, std::vector<std::int32_t>& tokens) const override {
    const Workplaces::Loan loan(workplaces_);
    const bool well_formed = simdjson::validate_utf8(text.data(), text.size());
    for (TextStart start = TextStart::kText; !text.empty(); start = TextStart::kStrayByte) {
      const std::size_t size = well_formed ? text.size() : well_formed_prefix(text);
      append_stretch(text.substr(0, size), start, *loan, tokens);
      text.remove_prefix(size);
      if (text.empty()) break;
      model_.encode_stray(static_cast<std::uint8_t>(text[0]), tokens);
      text.remove_prefix(1);
    }
  }

 private:
  void append_stretch(std::string_view text, TextStart start, Workplace& at, std::vector<std::int32_t>& tokens) const {
    const auto on_token = [&](std::int32_t token) { tokens.push_back(token); };
    const auto start_of = [&](std::size_t begin, TextStart whole) { return begin == 0 ? whole : TextStart::kSegment; };
    const PreTokenizer::Sink on_word = [&](std::string_view word) { model_.encode(word, at.words, tokens); };
    in_text_.walk(
        text,
        [&](std::size_t begin, std::size_t end) {
          const TextStart outer = start_of(begin, start);
          const std::string_view normalized = normalizer_.apply(text.substr(begin, end - begin), outer, at.normalized, at.patterns);
          in_normalized_text_.walk(
              normalized,
              [&](std::size_t from, std::size_t to) {
                pre_tokenizer_.cut(normalized.substr(from, to - from), start_of(from, outer), at.patterns, on_word);
              },
              on_token);
        },
        on_token);
  }

  std::vector<std::string> text_of_;
  std::int32_t end_of_document_;
  AddedTokens in_text_, in_normalized_text_;
  TextNormalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  BpeModel model_;
  mutable Workplaces workplaces_;
};

}  // namespace

std::shared_ptr<const Tokenizer> bpe_tokenizer(std::string_view json, const std::string& end_of_document, const std::string& where,
                                               Marks marks) {
  return std::make_shared<BpeTokenizer>(read_tokenizer_json(json, end_of_document, where, marks));
}

}  // namespace peer::streams
