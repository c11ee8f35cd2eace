#pragma once

#include <cstdint>
#include <string>

#include "peer/device/profile.h"
#include "peer/model/mixture.h"
#include "streams/stream_options.h"
#include "trainer/options/strategy.h"
#include "trainer/options/train_options.h"

namespace peer::trainer {

// Everything that a stage can be told. Stored as text with an interrupted stage, so that --resume needs no flag again.
struct RunOptions {
  bool grow_first = true;  // `stream` grows; `train` trains what is there
  std::int64_t seed = 0;   // of the order of the text
  std::string metrics;
  Profile* profile = nullptr;  // times the training steps but the first, which reserves memory
  StageOptions stage;
  TrainOptions train;
  MeasureOptions measure;
  streams::StreamOptions stream;
  EvaluateOptions evaluate;
  model::MixtureOptions mixture;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.grow_first, OptionInfo{"grow-first", "stream: grow before training"});
    visit(self.seed, OptionInfo{"seed", "of the order of the text"});
    visit(self.metrics, OptionInfo{"metrics", "append one JSON line a step to this file", "FILE"});
    StageOptions::fields(self.stage, visit);
    streams::StreamOptions::fields(self.stream, visit);
    TrainOptions::fields(self.train, visit);
    MeasureOptions::fields(self.measure, visit);
    EvaluateOptions::fields(self.evaluate, visit);
    model::MixtureOptions::fields(self.mixture, visit);
  }
};

}  // namespace peer::trainer
