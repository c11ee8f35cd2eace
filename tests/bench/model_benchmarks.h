// The benchmarks of whole models.
#pragma once

#include <string>

#include "peer/device/precision.h"
#include "tests/bench/report_line.h"

namespace peer::bench {

// model.generate: one token after another with key-value caches, the mean over 64 tokens behind 64, of a preset with random weights on
// `threads` threads. The limit: the bytes that a token cannot do without (weights, sub-keys, the experts picked, one row of the embedding,
// the cached keys and values) at the speed of reading memory in order. A small model stays in the caches and may pass it.
void generation(Report& report, const std::string& preset, Precision precision, int threads, int rounds, Goal goal);

// Prints the time of each op in a token of the same on one thread.
void token_profile(const std::string& preset, Precision precision);

}  // namespace peer::bench
