#include "peer/ops/cpu_expert_twins.h"
#include "peer/ops/shell_number.h"

namespace peer::ops::cpu {

void expert_number(Context&, const ExpertNumber& op) {
  for (std::int64_t i = 0; i < op.id.size(); ++i) op.id[i] = shell_number(op.row[i], op.column[i]);
}

}  // namespace peer::ops::cpu
