#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peer::model {

// Tokens that come one by one, up to the first of some sequences that is complete among them; the sequence is no part of the text. Where
// several are complete at one token, the longest counts. What may still become one is held back.
class StopSequences {
 public:
  // None of them empty. Without any the text has no end.
  explicit StopSequences(std::vector<std::vector<std::int32_t>> sequences);

  // One more token of the text: returns those that are now known to belong to it, oldest first, maybe none.
  std::vector<std::int32_t> pass(std::int32_t token);
  // The text ends here, for another reason: returns what was held back.
  std::vector<std::int32_t> rest();
  // Whether a sequence was complete; nothing passes any more.
  bool ended() const { return ended_; }

 private:
  std::vector<std::int32_t> release(std::size_t count);

  std::vector<std::vector<std::int32_t>> sequences_;
  std::vector<std::int32_t> held_;  // the longest end of the text that some sequence begins with
  bool ended_ = false;
};

}  // namespace peer::model
