#include "peer/ops/embedding.h"

#include "peer/base/require.h"
#include "peer/ops/cuda_twins.h"
#include "peer/ops/device_dispatch.h"

namespace peer::ops {

void embedding(Context& ctx, const Embedding& op) {
  require(op.x.shape[0] == op.id.shape[0], "embedding: x must have a row for each id");
  require(op.x.shape[1] == op.table.shape[1], "embedding: x and table must have the same width");
  dispatch<&CpuTwins::embedding, cuda::embedding>(ctx, "embedding", op);
}

void embedding_backward(Context& ctx, const EmbeddingBackward& op) {
  require(op.dx.shape[0] == op.id.shape[0], "embedding_backward: dx must have a row for each id");
  require(op.dx.shape[1] == op.dtable.shape[1], "embedding_backward: dx and dtable must have the same width");
  dispatch<&CpuTwins::embedding_backward, cuda::embedding_backward>(ctx, "embedding_backward", op);
}

}  // namespace peer::ops
