// The texts of a suite's stages. A domain of one file is read by peer-cli as it is; what has to be composed (several texts, a part of one,
// neighbours that overlap) is written once into a folder.
#pragma once

#include <string>

#include "tests/bench/continual/suite_file.h"

namespace peer::continual {

struct StageText {
  Words from, test;  // test: empty when peer-cli holds documents out itself
};

class StageTexts {
 public:
  StageTexts(const Suite& suite, std::string folder) : suite_(suite), folder_(std::move(folder)) {}

  StageText of_domain(const std::string& name) const;
  // Stage `position` of an order. With an overlap, that share of the text is the neighbours', in equal parts; what is held out stays the
  // domain's own.
  StageText of_stage(const Order& order, std::size_t position) const;

 private:
  const Suite& suite_;
  std::string folder_;
};

}  // namespace peer::continual
