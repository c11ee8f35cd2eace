#include "peer/ops/expert_sweep.h"

#include "peer/base/require.h"
#include "peer/ops/cpu_table.h"
#include "peer/ops/index_check.h"

namespace peer::ops {

void expert_sweep(Context& ctx, const ExpertSweep& op) {
  require(ctx.device().is_cpu(), "expert_sweep: only the CPU has this op");
  require(op.rule.now != nullptr, "expert_sweep: the state of the step must be given");
  require(op.dy.shape == op.x.shape && op.dx.shape == op.x.shape && op.x.shape[1] == op.rows.width,
          "expert_sweep: x, dy and dx must be (N, D)");
  require(op.gate.shape[0] == op.x.shape[0] && op.hidden.shape == op.gate.shape && op.dgate.shape == op.gate.shape &&
              op.dhidden.shape == op.gate.shape && op.up_weight.shape == op.gate.shape,
          "expert_sweep: gate, hidden, dgate, dhidden and up_weight must be (N, R)");
  const std::int64_t segments = op.expert.shape[0];
  require(op.order.shape[0] == op.gate.size() && op.begin.shape[0] == segments + 1 && op.begin[segments] == op.gate.size(),
          "expert_sweep: order and begin must hold every pick");
  require_below(ctx, op.expert, op.rows.count, "expert_sweep: every expert must be in [0, rows.count)");
  require_room_for_state(op.rows);
  ctx.count_flops(numbers(op.gate) * 8 * static_cast<double>(op.rows.width));
  const Timed timed(ctx.profile(), "expert_sweep", [&] { return work(op); });
  cpu_twins(ctx).expert_sweep(ctx, op);
}

}  // namespace peer::ops
