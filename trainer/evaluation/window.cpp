#include "trainer/evaluation/window.h"

#include <algorithm>

namespace peer::trainer {

std::vector<Window> windows_of(std::int64_t targets, std::int64_t length, double overlap) {
  const std::int64_t fresh = std::max<std::int64_t>(1, length - static_cast<std::int64_t>(overlap * static_cast<double>(length)));
  std::vector<Window> windows;
  for (std::int64_t scored = 0; scored < targets;) {
    const std::int64_t end = std::min(targets, scored == 0 ? length : scored + fresh);
    windows.push_back({std::max<std::int64_t>(0, end - length), scored, end});
    scored = end;
  }
  return windows;
}

}  // namespace peer::trainer
