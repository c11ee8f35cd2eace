#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "peer/base/options.h"

namespace peer::model {

using Distribution = std::vector<double>;  // natural log-probabilities of the V tokens

Distribution log_softmax(std::span<const float> logits);
double log_softmax_of(std::span<const float> logits, std::int32_t token);  // the one number of it

// How even the draws are, and which tokens may be drawn at all.
struct DrawOptions {
  double temperature = 0.7;
  std::int64_t top_k = 0;
  double top_p = 1;
  double min_p = 0;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit(self.temperature, OptionInfo{"temperature", "below 1: likelier text; 0: always the likeliest token"});
    visit(self.top_k, OptionInfo{"top-k", "draw from the so many likeliest tokens alone; 0: from all", "tokens"});
    visit(self.top_p, OptionInfo{"top-p", "then from the fewest of these whose shares add up to this one, e.g. 0.95; 1: from all"});
    visit(self.min_p,
          OptionInfo{"min-p", "then from those that are at least this share as likely as the likeliest token, e.g. 0.05; 0: from all"});
  }
};

// UsageError that names the option, what it expects and what it found.
void check(const DrawOptions& options);

// weight (V) of every token in a draw, relative to one another, 0 of those that may not be drawn. Each step takes what the one before left:
//   1. temperature: the distribution raised to 1/temperature; 0: the most likely token alone
//   2. top-k: the k most likely tokens
//   3. top-p: the fewest most likely tokens that together have at least p of what the k have (nucleus sampling: Holtzman et al. 2020)
//   4. min-p: the tokens with at least min_p times the probability of the most likely one (Nguyen et al. 2024)
// Of two equally likely tokens the smaller is the likelier one. The most likely token is never dropped.
std::vector<double> draw_weights(const Distribution& log_p, const DrawOptions& options);

// The token at `uniform` (in [0, 1)) of those weights, normalised.
std::int32_t draw(const Distribution& log_p, const DrawOptions& options, double uniform);

}  // namespace peer::model
