// How the benchmarks measure on a machine that others use too: the measured code and its limits take turns, and what is quoted is the
// median over the rounds of their ratio.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

namespace peer::bench {

// kThread: CPU time of the calling thread, which other programs lengthen only through the caches and the memory that they share.
// kWall: for lines that run on several threads.
enum class Clock { kThread, kWall };

inline double seconds_now(Clock clock) {
  timespec now;
  clock_gettime(clock == Clock::kThread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

inline double seconds_of(Clock clock, const std::function<void()>& run) {
  const double began = seconds_now(clock);
  run();
  return seconds_now(clock) - began;
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// seconds[i][round] of runs[i], which take turns; one round before is not counted.
inline std::vector<std::vector<double>> take_turns(Clock clock, int rounds, const std::vector<std::function<void()>>& runs) {
  std::vector<std::vector<double>> seconds(runs.size());
  for (int round = -1; round < rounds; ++round)
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const double taken = seconds_of(clock, runs[i]);
      if (round >= 0) seconds[i].push_back(taken);
    }
  return seconds;
}

}  // namespace peer::bench
