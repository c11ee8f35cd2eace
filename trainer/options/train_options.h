#pragma once

#include <cstdint>
#include <string>

#include "peer/base/options.h"
#include "peer/device/precision.h"

namespace peer::trainer {

enum class Schedule { kCosine, kInfinite };

}  // namespace peer::trainer

namespace peer {
template <>
struct EnumNames<trainer::Schedule> {
  static constexpr std::pair<trainer::Schedule, std::string_view> values[] = {{trainer::Schedule::kCosine, "cosine"},
                                                                              {trainer::Schedule::kInfinite, "infinite"}};
};
}  // namespace peer

namespace peer::trainer {

// How a stage trains. Learning rates are peaks; each group has its own, because branches that start at zero want a larger one.
struct TrainOptions {
  std::int64_t steps = 400;
  std::int64_t batch = 16;
  Precision precision = Precision::kFp32;
  double trunk_rate = 3e-3;
  double delta_rate = 8e-3;
  double router_rate = 4e-3;
  double expert_rate = 8e-3;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double weight_decay = 0.1;
  Schedule schedule = Schedule::kCosine;
  double warmup_share = 0.05;
  double final_share = 0.05;
  double cooldown_share = 0.3;
  double constant_share = 0.5;
  double anneal_share = 0.1;
  double clip = 1.0;
  double expert_clip = 1.0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.steps, OptionInfo{"steps", "optimizer steps of the stage", "steps"});
    visit(self.batch, OptionInfo{"batch", "B, windows of a step", "windows"});
    visit(self.precision,
          OptionInfo{"precision",
                     "of the operands of linear maps and attention in training: bf16 is faster where they are multiplied in it. "
                     "Sums, experts, optimizer and evaluation stay fp32"});
    visit(self.trunk_rate,
          OptionInfo{"trunk-rate", "peak learning rate of the base's dense tensors; 0.0001 unless given where the base was imported"});
    visit(self.delta_rate,
          OptionInfo{
              "delta-rate",
              "peak learning rate of adapters, dense blocks, embedding and head deltas; 0.002 unless given where the base was imported"});
    visit(self.router_rate, OptionInfo{"router-rate", "peak learning rate of query maps and sub-keys"});
    visit(self.expert_rate, OptionInfo{"expert-rate", "peak learning rate of the experts' rows"});
    visit(self.beta1, OptionInfo{"beta1", "decay of AdamW's first moment"});
    visit(self.beta2, OptionInfo{"beta2", "decay of AdamW's second moment"});
    visit(self.weight_decay, OptionInfo{"weight-decay", "decoupled decay of the trunk's matrices; nothing else decays"});
    visit(self.schedule,
          OptionInfo{"schedule",
                     "cosine: every stage rises to the peak and falls again; infinite: only the first stage of a pool does, to "
                     "a constant rate that later stages begin with, and each ends in a short fall"});
    visit(self.warmup_share, OptionInfo{"warmup-share", "share of the steps in which the rates rise from 0"});
    visit(self.final_share, OptionInfo{"final-share", "rates at the last step, as a share of the peak"});
    visit(self.cooldown_share, OptionInfo{"cooldown-share", "infinite: share of the first stage's steps that follow the rise, falling"});
    visit(self.constant_share, OptionInfo{"constant-share", "infinite: the constant rate, as a share of the peak"});
    visit(self.anneal_share, OptionInfo{"anneal-share", "infinite: share of the steps at a stage's end that fall to the final share"});
    visit(self.clip, OptionInfo{"clip", "largest global norm of the dense gradient; 0: no clip"});
    visit(self.expert_clip, OptionInfo{"expert-clip", "largest norm of one expert's gradient; 0: no clip"});
  }
};

// The rates of a stage on a base that was trained before it came, where others than the user's: weights that know something want lower
// ones.
void take_rates_of_import(TrainOptions& options);

// How held-out text is scored.
struct EvaluateOptions {
  std::int64_t eval_batch = 16;
  double eval_overlap = 0.5;
  double guess = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.eval_batch, OptionInfo{"eval-batch", "windows scored at a time", "windows"});
    visit(self.eval_overlap, OptionInfo{"eval-overlap", "share of a window that repeats text before the scored bytes, as their context"});
    visit(self.guess, OptionInfo{"guess",
                                 "a view reads only windows where byte statistics give it at least this chance, e.g. 0.03; 0: every view "
                                 "reads everything"});
  }
};

// What a stage keeps and measures on its way.
struct MeasureOptions {
  std::int64_t checkpoint_every = 0;
  std::int64_t eval_every = 0;
  std::int64_t eval_bytes = 64 << 10;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.checkpoint_every, OptionInfo{"checkpoint-every",
                                            "commit a resumable state every so many steps and after the last, beside the steps that "
                                            "follow; prune frees the old ones; 0: only when interrupted",
                                            "steps"});
    visit(self.eval_every,
          OptionInfo{"eval-every",
                     "score the older domains on a small sample after the first and every so many steps, for the stability gap "
                     "of `forgetting`; 0: never",
                     "steps"});
    visit(self.eval_bytes, OptionInfo{"eval-bytes", "held-out text kept and scored a domain", "bytes"});
  }
};

// UsageError that names the option, what it expects and what it found.
void check(const TrainOptions& options);
void check(const EvaluateOptions& options);
void check(const MeasureOptions& options);

}  // namespace peer::trainer
