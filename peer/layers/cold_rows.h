// Rows that lie in mapped files and not in memory, asked for all at once before a gather comes upon them: a disk answers many questions at
// the same time, and a gather that faults waits for one after the other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "peer/base/view.h"
#include "peer/ops/expert_rows.h"

namespace peer::layers {

class ColdRows {
 public:
  // Before the rows `id` of a CPU's table are gathered. Looks which of them are missing as long as some were; once none is, only when the
  // process had to wait for a page since. Returns how many stretches of memory the system was asked for; their answers come later.
  std::int64_t ask_for(const ops::ExpertRows& rows, View<const std::int64_t, 1> id);

 private:
  void sort_picks(std::int64_t experts, View<const std::int64_t, 1> id);
  std::int64_t ask_for_page(const ops::ExpertRows& rows, std::span<const std::int64_t> expert);

  bool cold_ = true;
  std::int64_t waits_ = 0;                // of the process, when last looked
  std::vector<std::uint64_t> bits_;       // of the picked experts
  std::vector<std::int64_t> picked_;      // each once, rising
  std::vector<unsigned char> in_memory_;  // of the system's pages of one page of experts
};

}  // namespace peer::layers
