// The least time that this machine needs for some work, from two limits measured on it: the speed of its multipliers and that of its
// memory.                                                                                                     (Williams et al. 2009)
#pragma once

#include "peer/device/context.h"
#include "peer/device/work.h"

namespace peer {

struct Roofline {
  double flops = 0, bf16_flops = 0;  // a second, by GEMMs of a favourite shape
  double bytes = 0;                  // a second, read in order from memory

  // Arithmetic and memory overlap. What stays in the caches between ops can take less.
  double least_seconds(const Work& work) const;
};

// Measures for about half a second with ctx's threads; bf16 only when `precision` is.
Roofline measure_roofline(Context& ctx, Precision precision);

}  // namespace peer
