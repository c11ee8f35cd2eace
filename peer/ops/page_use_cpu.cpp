#include "peer/ops/cpu_expert_twins.h"

namespace peer::ops::cpu {

void page_use(Context&, const PageUse& op) {
  for (std::int64_t i = 0; i < op.id.size(); ++i) ++op.uses[op.id.data[i] >> op.page_shift];
}

}  // namespace peer::ops::cpu
