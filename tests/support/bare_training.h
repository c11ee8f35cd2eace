// Training without a pool: one view of a model, AdamW with one rate, on whichever device the model lies.
#pragma once

#include <algorithm>
#include <vector>

#include "peer/device/copy.h"
#include "peer/device/repeated_work.h"
#include "peer/model/launch_digest.h"
#include "peer/model/model.h"
#include "peer/ops/adamw.h"
#include "peer/ops/adamw_rows.h"
#include "peer/ops/cross_entropy.h"

namespace peer::test {

class BareTraining {
 public:
  BareTraining(Context& ctx, model::Model& model, int view, std::int64_t batch, float rate = 1e-2f)
      : ctx_(ctx),
        model_(model),
        rates_{.learning_rate = rate},
        saved_(model, view, batch, model.options().context, true),
        token_(ctx.device(), saved_.tokens),
        target_(ctx.device(), saved_.tokens),
        nll_(ctx.device(), saved_.tokens),
        now_there_(ctx.device(), 1) {
    model.set_trainable(view, true);
  }

  // text: batch * length + 1 tokens, each row going on where the one before it ends. The device is idle afterwards.
  void step(const std::vector<std::int32_t>& text) {
    ++now_.step;
    queue_copy(ctx_, &now_, now_there_.data(), now_there_.bytes());
    queue_copy(ctx_, text.data(), token_.data(), token_.bytes());
    queue_copy(ctx_, text.data() + 1, target_.data(), target_.bytes());
    repeated_.run(ctx_, model::launch_digest(model_), [&] { compute(); });
    ctx_.wait();
  }
  bool recorded() const { return repeated_.recorded(); }

  // Of the last step, before its update: nats a token, and every expert that was picked, block by block.
  double loss() const {
    double sum = 0;
    for (std::int64_t n = 0; n < saved_.tokens; ++n) sum += static_cast<double>(nll_[n]);
    return sum / static_cast<double>(saved_.tokens);
  }
  std::vector<std::int64_t> picks() const {
    std::vector<std::int64_t> all;
    for (const layers::BlockActivations& block : saved_.blocks)
      for (const layers::BranchActivations& branch : block.branches)
        if (branch.peer) all.insert(all.end(), branch.peer->id.data(), branch.peer->id.data() + branch.peer->id.size());
    return all;
  }

 private:
  void compute() {
    model_.parameters(saved_.view).zero_gradients(ctx_);
    model_.forward(ctx_, token_.view(saved_.tokens), saved_, true);
    ops::cross_entropy_with_gradient(ctx_, {.logits = saved_.logits_view(),
                                            .target = target_.view(saved_.tokens),
                                            .scale = 1.0f / static_cast<float>(saved_.tokens),
                                            .nll = nll_.view(saved_.tokens)});
    model_.backward(ctx_, token_.view(saved_.tokens), saved_, layers::RowGradients::update_by([&](layers::PeerBlock&) {
                      return ops::RowRule{.rates = rates_, .clip = 1, .now = now_there_.data()};
                    }));
    for (auto& p : model_.parameters(saved_.view))
      if (p->trainable())
        ops::adamw(ctx_, {.rates = rates_,
                          .now = now_there_.data(),
                          .gradient = p->gradient_vector(),
                          .weight = {p->write().data(), p->size()},
                          .m = {p->m.data(), p->size()},
                          .v = {p->v.data(), p->size()}});
  }

  Context& ctx_;
  model::Model& model_;
  ops::AdamwRates rates_;
  model::Activations saved_;
  Buffer<std::int32_t> token_, target_;  // (N)
  Buffer<float> nll_;                    // (N)
  ops::StepState now_{.step = 0};
  Buffer<ops::StepState> now_there_;  // (1)  on the device
  RepeatedWork repeated_;
};

}  // namespace peer::test
