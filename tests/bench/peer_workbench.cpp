#include "tests/bench/peer_workbench.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "peer/device/copy.h"
#include "peer/layers/initialise.h"
#include "peer/ops/adamw.h"
#include "peer/ops/adamw_rows.h"
#include "peer/ops/expert_mix.h"

namespace peer::bench {
namespace {

constexpr std::uint64_t kSeed = 20240704;
constexpr std::int64_t kRowsPerPage = 4096;
constexpr ops::AdamwRates kRates{.learning_rate = 1e-4f};

layers::PeerOptions options_of(const PeerShape& shape) {
  layers::PeerOptions options;
  options.heads = shape.heads;
  options.top_k = shape.top_k;
  options.d_key = shape.d_key;
  options.rows = shape.rows;
  return options;
}

Buffer<float> normal(Device device, std::int64_t size, const char* name, double deviation) {
  Buffer<float> out(device, size);
  layers::initialise_normal(out.data(), size, deviation, kSeed, name);
  return out;
}

}  // namespace

std::string name_of(const PeerShape& s) {
  return fmt::format("E={} T={} D={}{}", s.experts(), s.tokens, s.width, s.rows == Element::kBfloat16 ? " bf16 rows" : "");
}

PeerWorkbench::PeerWorkbench(Context& ctx, const PeerShape& shape, bool trainable, Bare)
    : ctx_(ctx),
      shape_(shape),
      parameters_(ctx.device()),
      block_(parameters_, "peer", BlockId{0}, options_of(shape), shape.width, shape.side, kRowsPerPage, kSeed),
      saved_(ctx.device(), shape.tokens, block_.options()),
      work_(trainable ? layers::PeerWorkspace(ctx.device(), shape.tokens, shape.picks(), block_.query_width(), shape.width)
                      : layers::PeerWorkspace()),
      x_(normal(ctx.device(), shape.tokens * shape.width, "x", 1)),
      y_(ctx.device(), shape.tokens * shape.width),
      dy_(normal(ctx.device(), shape.tokens * shape.width, "dy", 1e-3)),
      dx_(ctx.device(), shape.tokens * shape.width),
      now_there_(ctx.device(), 1) {
  parameters_.set_trainable(trainable);
}

PeerWorkbench::PeerWorkbench(Context& ctx, const PeerShape& shape, bool trainable) : PeerWorkbench(ctx, shape, trainable, Bare{}) {
  block_.experts().append(shape.experts(), trainable);
  fill_experts();
}

PeerWorkbench::PeerWorkbench(Context& ctx, const PeerShape& shape, const std::byte* mapped) : PeerWorkbench(ctx, shape, false, Bare{}) {
  const std::int64_t page_bytes = kRowsPerPage * ops::frozen_record_bytes(shape.width, shape.rows);
  for (std::int64_t first = 0; first < shape.experts(); first += kRowsPerPage, mapped += page_bytes)
    block_.experts().append_mapped(mapped, kRowsPerPage, nullptr);
}

// Rows start at random places of one stretch of random numbers: a million normal rows would take longer to draw than to measure.
void PeerWorkbench::fill_experts() {
  const std::int64_t floats = 2 * shape_.width;
  const Buffer<float> numbers = normal({}, 64 * floats, "experts", 1 / std::sqrt(static_cast<double>(shape_.width)));
  block_.experts().fill_parameters(
      0, shape_.experts(), [&](std::int64_t e, float* row) { std::copy_n(numbers.data() + e * 7919 % (63 * floats), floats, row); });
}

void PeerWorkbench::forward() { block_.forward(ctx_, matrix(x_), saved_, matrix(y_), false); }

void PeerWorkbench::mix() {
  const auto by_pick = [&](auto& buffer) { return buffer.view(shape_.tokens, shape_.picks()); };
  ops::expert_mix(ctx_, {.x = matrix(x_),
                         .id = by_pick(saved_.id),
                         .gate = by_pick(saved_.gate),
                         .rows = block_.experts().rows(),
                         .hidden = by_pick(saved_.hidden),
                         .y = matrix(y_)});
}

void PeerWorkbench::step(Context& ctx) {
  ++now_.step;
  queue_copy(ctx, &now_, now_there_.data(), now_there_.bytes());
  repeated_.run(ctx, 0, [&] { compute(ctx); });
}

void PeerWorkbench::compute(Context& ctx) {
  parameters_.zero_gradients(ctx);
  block_.forward(ctx, matrix(x_), saved_, matrix(y_), true);
  block_.backward(ctx, matrix(x_), saved_, matrix(dy_), work_, matrix(dx_), layers::RowGradients::update_by([&](layers::PeerBlock&) {
                    return ops::RowRule{.rates = kRates, .clip = 1.0f, .now = now_there_.data()};
                  }));
  for (auto& p : parameters_)
    if (p->trainable())
      ops::adamw(ctx, {.rates = kRates,
                       .now = now_there_.data(),
                       .gradient = p->gradient_vector(),
                       .weight = {p->write().data(), p->size()},
                       .m = {p->m.data(), p->size()},
                       .v = {p->v.data(), p->size()},
                       .lazy_row = p->lazy_row});
}

void PeerWorkbench::extend(std::int64_t side) {
  block_.extend(parameters_, side, true, kSeed);
  record_anew();
}

void PeerWorkbench::open_all() {
  block_.open_all();
  shape_.side = block_.side();
  record_anew();
}

std::vector<std::int64_t> PeerWorkbench::different() const {
  std::vector<bool> seen(static_cast<std::size_t>(shape_.experts()));
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < saved_.id.size(); ++i) {
    const auto id = static_cast<std::size_t>(saved_.id[i]);
    if (!seen[id]) out.push_back(saved_.id[i]);
    seen[id] = true;
  }
  return out;
}

}  // namespace peer::bench
