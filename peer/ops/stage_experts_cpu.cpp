#include <cstring>

#include "peer/ops/cpu_expert_twins.h"

namespace peer::ops::cpu {

void stage_experts(Context&, const StageExperts& op) {
  const std::int64_t slots = op.expert.shape[0];
  for (std::int64_t s = 0; s < slots; ++s) {
    if (op.expert[s] != 0) op.place[op.expert[s] - 1] = 0;
    op.expert[s] = 0;
  }
  std::int64_t copies = 0;
  bool all = true;
  for (std::int64_t i = 0; i < op.id.size(); ++i) {
    const std::int64_t e = op.id[i];
    if (!op.rows.page_of(e).may_be_staged() || op.place[e] != 0) continue;
    all = copies < slots;
    if (!all) break;
    std::memcpy(op.data.row(copies), op.rows.record(e), static_cast<std::size_t>(op.rows.parameter_bytes()));
    op.expert[copies] = static_cast<std::int32_t>(e + 1);
    op.place[e] = static_cast<std::int32_t>(++copies);
  }
  op.taken[0] = static_cast<std::uint32_t>(copies + !all);
}

}  // namespace peer::ops::cpu
