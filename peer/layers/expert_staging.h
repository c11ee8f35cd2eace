// Copies of picked rows in the memory of a GPU, for blocks whose pool is larger than it: a batch reads a row of the machine's memory over
// the bus once, and not once for each token that picked it, forward and backward.
#pragma once

#include <cstddef>
#include <cstdint>

#include "peer/base/view.h"
#include "peer/device/buffer.h"
#include "peer/device/context.h"
#include "peer/ops/expert_rows.h"

namespace peer::layers {

class ExpertStaging {
 public:
  // Room for the records of `slots` experts of these; 0 gives it back. The device must be idle.
  void reserve(Device device, const ops::ExpertRows& rows, std::int64_t slots);
  std::int64_t slots() const { return expert_.size(); }
  // Bytes of that room beside the slots, and of a slot.
  static std::int64_t table_bytes(const ops::ExpertRows& rows) { return rows.count * static_cast<std::int64_t>(sizeof(std::int32_t)); }
  static std::int64_t slot_bytes(const ops::ExpertRows& rows) {
    return rows.parameter_bytes() + static_cast<std::int64_t>(sizeof(std::int32_t));
  }

  // rows, with copies of those that the picks `id` (N, R) of a batch need and that lie on the host: of as many as there are slots for. None
  // where nothing was reserved, where the table has grown since, and for a single token, which reads its rows once.
  ops::ExpertRows stage(Context& ctx, const ops::ExpertRows& rows, View<const std::int64_t, 2> id);
  // The same in the backward of those picks, which finds the copies there unless another batch came in between.
  ops::ExpertRows staged(Context& ctx, const ops::ExpertRows& rows, View<const std::int64_t, 2> id);

  // Of the last batch: how many experts needed a copy, or a number above slots(). The device must be idle.
  std::int64_t needed() const { return taken_.empty() ? 0 : taken_[0]; }
  // How often its memory has become other: work that was recorded before is no longer true.
  std::int64_t moves() const { return moves_; }

 private:
  bool serves(const ops::ExpertRows& rows, View<const std::int64_t, 2> id) const {
    return slots() > 0 && place_.size() == rows.count && id.shape[0] > 1;
  }

  Buffer<std::int32_t> place_;           // (E)
  Buffer<std::int32_t> expert_;          // (S)
  Buffer<std::uint32_t> taken_;          // (1)
  Buffer<std::byte> data_;               // (S, bytes of [down | up])
  const std::int64_t* picks_ = nullptr;  // of the last batch
  std::int64_t moves_ = 0;
};

}  // namespace peer::layers
