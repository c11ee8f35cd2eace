#include "peer/layers/cold_rows.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

namespace peer::layers {
namespace {

const std::int64_t kSystemPage = sysconf(_SC_PAGESIZE);

// Page faults that had to read.
std::int64_t waits() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_majflt;
}

// Whole pages of the system, by number.
struct Stretch {
  std::int64_t begin, end;
};

Stretch stretch_of(const std::byte* data, std::int64_t bytes) {
  const auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(data));
  return {address / kSystemPage, (address + bytes + kSystemPage - 1) / kSystemPage};
}

void* start_of(const Stretch& stretch) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(stretch.begin * kSystemPage)); }
std::size_t bytes_of(const Stretch& stretch) { return static_cast<std::size_t>((stretch.end - stretch.begin) * kSystemPage); }

}  // namespace

std::int64_t ColdRows::ask_for(const ops::ExpertRows& rows, View<const std::int64_t, 1> id) {
  const std::int64_t waits_before = waits();
  if (!cold_ && waits_before == waits_) return 0;
  sort_picks(rows.count, id);
  std::int64_t asked = 0;
  for (std::size_t first = 0; first < picked_.size();) {
    const std::int64_t page = picked_[first] >> rows.page_shift;
    std::size_t end = first;
    while (end < picked_.size() && picked_[end] >> rows.page_shift == page) ++end;
    if (rows.pages[page].dirty == nullptr) asked += ask_for_page(rows, {picked_.data() + first, picked_.data() + end});
    first = end;
  }
  cold_ = asked > 0;
  waits_ = waits();
  return asked;
}

// By a bit for each expert: several times as fast as comparing numbers.
void ColdRows::sort_picks(std::int64_t experts, View<const std::int64_t, 1> id) {
  bits_.assign(static_cast<std::size_t>(experts / 64 + 1), 0);
  for (std::int64_t i = 0; i < id.size(); ++i) bits_[static_cast<std::size_t>(id[i] / 64)] |= std::uint64_t{1} << (id[i] % 64);
  picked_.clear();
  for (std::size_t word = 0; word < bits_.size(); ++word)
    for (std::uint64_t left = bits_[word]; left != 0; left &= left - 1)
      picked_.push_back(static_cast<std::int64_t>(word) * 64 + std::countr_zero(left));
}

// Of one mapped page of experts. Neighbours are asked for together.
std::int64_t ColdRows::ask_for_page(const ops::ExpertRows& rows, std::span<const std::int64_t> expert) {
  const Stretch all{stretch_of(rows.record(expert.front()), rows.parameter_bytes()).begin,
                    stretch_of(rows.record(expert.back()), rows.parameter_bytes()).end};
  in_memory_.resize(static_cast<std::size_t>(all.end - all.begin));
  if (mincore(start_of(all), bytes_of(all), in_memory_.data()) != 0) return 0;  // no mapped file: nothing to ask for
  std::int64_t asked = 0;
  Stretch missing{all.begin, all.begin};
  const auto ask = [&] {
    if (missing.begin == missing.end) return;
    madvise(start_of(missing), bytes_of(missing), MADV_WILLNEED);  // a hint: refused, the gather waits
    ++asked;
  };
  for (const std::int64_t e : expert) {
    const Stretch row = stretch_of(rows.record(e), rows.parameter_bytes());
    for (std::int64_t page = std::max(row.begin, missing.end); page < row.end; ++page) {
      if ((in_memory_[static_cast<std::size_t>(page - all.begin)] & 1) != 0) continue;
      if (page > missing.end) {
        ask();
        missing.begin = page;
      }
      missing.end = page + 1;
    }
  }
  ask();
  return asked;
}

}  // namespace peer::layers
