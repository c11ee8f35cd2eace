// What becomes of the gradients of the expert rows that a backward touched.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <utility>

#include "peer/base/view.h"
#include "peer/ops/adamw_rows.h"

namespace peer::layers {

class PeerBlock;

// Either they are handed out, or the rows are updated by a rule while they are summed; or, empty, nobody asks for them.
class RowGradients {
 public:
  // Receives them a chunk at a time: expert (C), gradient (C, 2D) = [ddown | dup], which it may change. Every touched expert comes once; it
  // may be updated at once, for the backward has read it for the last time. On a device that computes while the host goes on a chunk may
  // end in places that no expert takes, numbered -1: see rows_there().
  using Take = std::function<void(PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient)>;
  using Rule = std::function<ops::RowRule(PeerBlock& block)>;

  RowGradients() = default;
  template <std::convertible_to<Take> Receiver>
  RowGradients(Receiver take) : take_(std::move(take)) {}
  static RowGradients update_by(Rule rule) {
    RowGradients rows;
    rows.rule_ = std::move(rule);
    return rows;
  }

  bool wanted() const { return take_ || rule_; }
  bool updated_at_once() const { return static_cast<bool>(rule_); }
  ops::RowRule rule(PeerBlock& block) const { return rule_(block); }
  void operator()(PeerBlock& block, View<const std::int64_t, 1> expert, View<float, 2> gradient) const { take_(block, expert, gradient); }

 private:
  Take take_;
  Rule rule_;
};

// How many rows a chunk of row gradients has. Reads `expert` on the host.
inline std::int64_t rows_there(View<const std::int64_t, 1> expert) {
  std::int64_t rows = expert.shape[0];
  while (rows > 0 && expert[rows - 1] < 0) --rows;
  return rows;
}

}  // namespace peer::layers
