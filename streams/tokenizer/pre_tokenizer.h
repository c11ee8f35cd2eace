#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "streams/tokenizer/text_pattern.h"
#include "streams/tokenizer/text_start.h"

namespace peer::streams {

// What becomes of the matches of "-" in "a-b--c".
enum class SplitBehavior {
  kIsolated,            // a - b - - c
  kRemoved,             // a b c
  kMergedWithPrevious,  // a- b- - c
  kMergedWithNext,      // a -b - -c
  kContiguous           // a - b -- c
};

struct SplitAtPattern {
  TextPattern pattern;
  SplitBehavior behavior;
  bool invert;  // what lies between the matches takes their place
};

// Every space becomes `mark`, and one is put first if there is none.
struct MarkSpaces {
  enum class Prepend { kAlways, kFirst, kNever } prepend;  // kFirst: only where the text begins
  std::string mark;
  bool split;  // before every mark
};

struct PrefixSpace {};

// Cuts a text into the words that are encoded one by one.
class PreTokenizer {
 public:
  using Step = std::variant<SplitAtPattern, MarkSpaces, PrefixSpace>;
  using Sink = std::function<void(std::string_view word)>;

  explicit PreTokenizer(std::vector<Step> steps = {}) : steps_(std::move(steps)) {}

  // Each step cuts the pieces that the step before made. `text` is well-formed UTF-8; no word is empty.
  void cut(std::string_view text, TextStart start, PatternScratch& scratch, const Sink& sink) const { run(0, text, start, scratch, sink); }

 private:
  void run(std::size_t step, std::string_view piece, TextStart start, PatternScratch& scratch, const Sink& sink) const;

  std::vector<Step> steps_;
};

}  // namespace peer::streams
