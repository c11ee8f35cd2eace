// What the machine can do at best, measured beside the code that is compared with it: loops that touch the same rows and compute next to
// nothing, and a GEMM at its favourite shape.
#pragma once

#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/buffer.h"
#include "peer/device/context.h"
#include "peer/ops/expert_rows.h"

namespace peer::bench {

// Reads the bytes of [down | up] of the records of `id`, in that order, asking for each some rows ahead. Returns their sum as floats, so
// that nothing is left out.
float gather_records(const ops::ExpertRows& rows, View<const std::int64_t, 1> id);

// Reads and writes [down | up | m | v] of the records of `id`, in that order, asking for each some rows ahead. They stay as they are.
void modify_records(const ops::ExpertRows& rows, View<const std::int64_t, 1> id);

// C = A B of 1024 x 1024 matrices.
class SquareGemm {
 public:
  SquareGemm();
  void run(Context& ctx);
  static double flops() { return 2.0 * kSide * kSide * kSide; }

 private:
  static constexpr std::int64_t kSide = 1024;
  Buffer<float> a_, b_, c_;
};

}  // namespace peer::bench
