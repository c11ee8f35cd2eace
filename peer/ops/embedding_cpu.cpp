#include <algorithm>

#include "peer/base/require.h"
#include "peer/ops/cpu_twins.h"

namespace peer::ops::cpu {
namespace {

// A thread's columns start on a cache line of their own: 16 floats.
constexpr std::int64_t kColumns = 16;

bool all_inside(View<const std::int32_t, 1> id, std::int64_t count) {
  return std::all_of(id.data, id.data + id.shape[0], [count](std::int32_t i) { return i >= 0 && i < count; });
}

void add(const float* from, float* to, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

void embedding(Context& ctx, const Embedding& op) {
  require(all_inside(op.id, op.table.shape[0]), "embedding: every id must be inside the table");
  const std::int64_t tokens = op.x.shape[0], width = op.x.shape[1];
#pragma omp parallel for schedule(static) num_threads(ctx.threads()) if (tokens > 1)
  for (std::int64_t n = 0; n < tokens; ++n) add(op.table.row(op.id[n]), op.x.row(n), width);
}

// Tokens repeat, so threads share the columns, not the tokens: one thread sums an element of dtable, in the order of n.
void embedding_backward(Context& ctx, const EmbeddingBackward& op) {
  require(all_inside(op.id, op.dtable.shape[0]), "embedding_backward: every id must be inside the table");
  const std::int64_t tokens = op.dx.shape[0], width = op.dx.shape[1];
  const std::int64_t lines = (width + kColumns - 1) / kColumns, share = (lines + ctx.threads() - 1) / ctx.threads() * kColumns;
#pragma omp parallel for schedule(static) num_threads(ctx.threads())
  for (std::int64_t first = 0; first < width; first += share) {
    const std::int64_t columns = std::min(share, width - first);
    for (std::int64_t n = 0; n < tokens; ++n) add(op.dx.row(n) + first, op.dtable.row(op.id[n]) + first, columns);
  }
}

}  // namespace peer::ops::cpu
