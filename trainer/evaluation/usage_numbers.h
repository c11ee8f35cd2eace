// Every number that is derived from where the text of each domain goes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/evaluation/expert_usage.h"
#include "trainer/state/learning_history.h"

namespace peer::trainer {

// z: gate mass by expert, scaled to a sum of 1 where a formula wants it. kMissing when there is no mass.
double used_share(std::span<const double> mass);  // share of experts with any mass                        (He 2024)
double unevenness(std::span<const double> mass);  // log E + sum z log z, nats: 0 when all get the same    (He 2024)
// Jensen-Shannon divergence of two usages, in bits: 0 when alike, 1 when they share no expert.            (Lin 1991)
double jensen_shannon(std::span<const double> p, std::span<const double> q);

struct BlockNumbers {
  double share = kMissing;       // of the domain's gate mass that falls on the block
  double used = kMissing;        // share of its experts with any mass
  double top = kMissing;         // share of its experts that were ever a token's top pick
  double unevenness = kMissing;  // nats
};

struct UsageNumbers {
  std::vector<UsedBlock> blocks;
  std::vector<std::vector<BlockNumbers>> by_block;  // (T, blocks)
  std::vector<BlockNumbers> together;               // (blocks)  all domains, each with the same mass
  std::vector<int> views;                           // V: those in which a block was grown
  std::vector<std::vector<double>> share;           // (T, V) of a domain's gate mass on the experts grown in a view; a row sums to 1
  std::vector<double> reuse, novelty, leakage;      // T: that share on experts born before, in and after the domain's own stage
  // (T, T): one half of d's documents against the other half of e, both ways, so that every cell has the same number of tokens. The
  // diagonal, a domain against itself, is what sampling alone makes: the split-half control. kMissing for a domain of one document.
  std::vector<std::vector<double>> overlap;
  std::vector<std::vector<double>> permuted;  // the same with e's experts shuffled inside each block: as uneven, and unrelated
};

// When the experts of each view were born and the domains learnt: numbers of stages. A view that no stage trained was born last of all.
struct Births {
  std::vector<int> view;    // by view
  std::vector<int> domain;  // T
};
Births births_of(const History& history, std::size_t views);

// A token passes through every block on its views' paths: how much falls on which view is set by the shape of the blocks on one
// path, and by the mixture across paths. What a token picks inside a block is the router's.
UsageNumbers derive(const ExpertUsage& usage, const Births& births, std::uint64_t seed);

}  // namespace peer::trainer
