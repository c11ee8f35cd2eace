#include "streams/tokenizer/pre_tokenizer.h"

namespace peer::streams {
namespace {

// Joins matches and the stretches between them as a behavior says, and hands each piece on.
template <class Emit>
class Joiner {
 public:
  Joiner(SplitBehavior behavior, Emit emit) : behavior_(behavior), emit_(emit) {}

  void add(std::size_t begin, std::size_t end, bool is_match) {
    if (begin == end) return;
    if (joins(is_match)) {
      end_ = end;
    } else {
      flush();
      begin_ = begin;
      end_ = end;
    }
    // The match that was merged with the stretch before it counts as one; so does the next match, which stands alone.
    is_match_ = is_match;
  }

  void flush() {
    if (begin_ != end_ && !(is_match_ && behavior_ == SplitBehavior::kRemoved)) emit_(begin_, end_);
    begin_ = end_;
  }

 private:
  bool joins(bool is_match) const {
    if (begin_ == end_) return false;
    switch (behavior_) {
      case SplitBehavior::kContiguous:
        return is_match == is_match_;
      case SplitBehavior::kMergedWithPrevious:
        return is_match && !is_match_;
      case SplitBehavior::kMergedWithNext:
        return !is_match && is_match_;
      case SplitBehavior::kIsolated:
      case SplitBehavior::kRemoved:
        break;
    }
    return false;
  }

  SplitBehavior behavior_;
  Emit emit_;
  std::size_t begin_ = 0, end_ = 0;
  bool is_match_ = false;
};

template <class Emit>
void split(std::string_view text, const SplitAtPattern& step, PatternScratch& scratch, Emit emit) {
  Joiner<Emit> joiner(step.behavior, emit);
  std::size_t done = 0;
  while (done < text.size()) {
    const auto match = step.pattern.find(text, done, scratch);
    if (!match) break;
    joiner.add(done, match->begin, step.invert);
    joiner.add(match->begin, match->end, !step.invert);
    done = match->end;
  }
  joiner.add(done, text.size(), step.invert);
  joiner.flush();
}

bool wants_mark(const MarkSpaces& step, TextStart start) {
  switch (step.prepend) {
    case MarkSpaces::Prepend::kAlways:
      return start != TextStart::kStrayByte;
    case MarkSpaces::Prepend::kFirst:
      return start == TextStart::kText;
    case MarkSpaces::Prepend::kNever:
      break;
  }
  return false;
}

std::string marked(std::string_view text, const MarkSpaces& step, TextStart start) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  if (wants_mark(step, start) && !text.starts_with(' ') && !text.starts_with(step.mark)) out = step.mark;
  for (const char c : text)
    if (c == ' ')
      out += step.mark;
    else
      out += c;
  return out;
}

template <class Emit>
void split_before_marks(std::string_view text, const std::string& mark, Emit emit) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(mark, begin + 1), text.size());
    emit(begin, end);
    begin = end;
  }
}

}  // namespace

void PreTokenizer::run(std::size_t step, std::string_view piece, TextStart start, PatternScratch& scratch, const Sink& sink) const {
  if (piece.empty()) return;
  if (step == steps_.size()) return sink(piece);
  const auto next = [&](std::string_view of) {
    return [&, of](std::size_t begin, std::size_t end) {
      run(step + 1, of.substr(begin, end - begin), begin == 0 ? start : TextStart::kSegment, scratch, sink);
    };
  };
  if (const auto* pattern = std::get_if<SplitAtPattern>(&steps_[step])) return split(piece, *pattern, scratch, next(piece));
  if (const auto* mark = std::get_if<MarkSpaces>(&steps_[step])) {
    const std::string text = marked(piece, *mark, start);
    return mark->split ? split_before_marks(text, mark->mark, next(text)) : next(text)(0, text.size());
  }
  if (start == TextStart::kStrayByte || piece.starts_with(' ')) return run(step + 1, piece, start, scratch, sink);
  const std::string text = " " + std::string(piece);
  next(text)(0, text.size());
}

}  // namespace peer::streams
