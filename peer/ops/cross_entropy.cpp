#include "peer/ops/cross_entropy.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void cross_entropy(Context& ctx, const CrossEntropy& op) {
  require(op.target.shape[0] == op.logits.shape[0], "cross_entropy: target must have one element a row of logits");
  require(op.nll.shape[0] == op.logits.shape[0], "cross_entropy: nll must have one element a row of logits");
  dispatch<&CpuTwins::cross_entropy, cuda::cross_entropy>(ctx, "cross_entropy", op);
}

void cross_entropy_with_gradient(Context& ctx, const CrossEntropyWithGradient& op) {
  require(op.target.shape[0] == op.logits.shape[0], "cross_entropy_with_gradient: target must have one element a row of logits");
  require(op.nll.shape[0] == op.logits.shape[0], "cross_entropy_with_gradient: nll must have one element a row of logits");
  dispatch<&CpuTwins::cross_entropy_with_gradient, cuda::cross_entropy_with_gradient>(ctx, "cross_entropy_with_gradient", op);
}

}  // namespace peer::ops
