#include "peer/ops/sum_of_squares.h"

#include "peer/base/require.h"
#include "peer/ops/cpu_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

double sum_of_squares(Context& ctx, const SumOfSquares& op) {
  require_cpu(ctx, "sum_of_squares");
  return cpu::sum_of_squares(ctx, op);
}

}  // namespace peer::ops
