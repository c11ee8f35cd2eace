// A suite of continual-learning runs as its YAML file describes it: methods x orders x seeds, figure by figure.
//
//   root: ${CORPORA}                  # where the texts are; default: the suite file's folder
//   init: --preset tiny               # options of `init`
//   stage: --steps 400                # options of every stage; a base's and a method's own win over them
//   domains:                          # name: text, or texts (their documents in turn), or the long form
//     english: {from: [a.jsonl.zst, b.jsonl.zst], test: [a-test.jsonl.zst, b-test.jsonl.zst]}
//     law: law.jsonl.zst              # without `test`, peer-cli holds documents out
//     law.1: {from: law.jsonl.zst, part: 1 of 2}      # every second document
//   base: english                     # the domain that the base is trained on
//   bases: {plain: "", reservoir: --strategy replay}  # options of its stage, one pool each; or {init: ..., train: ...}; train: none
//   methods:                          # name: options of `stream`; starts from the first base unless it names another
//     naive: --strategy naive
//     replay: {base: reservoir, stream: --strategy replay}
//   orders: {near: [law, code], far: reverse near, blurred: {domains: [law, code], overlap: 0.2}}
//   tune: {domain: law, test: valid.jsonl.zst, candidates: {as given: "", half: --trunk-rate 0.0015}}   # optional
//   figures:
//     all: {methods: all, orders: [near], seeds: [1], baseline: naive}
//     ...: {..., by stage: true} a line a stage; {..., alone: true} each domain on its own; {..., oracle: grow} with domain labels;
//          {..., claims: {method: grow, naive: naive, joint: joint, replay: replay}} judged one by one
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace peer::continual {

using Words = std::vector<std::string>;

struct Domain {
  std::string name;
  Words from, test;         // absolute paths
  int part = 1, parts = 1;  // of each text the documents whose number is `part` modulo `parts`
};

struct Base {
  std::string name;
  Words init, train;
  bool trained = true;  // false: the stream begins on an untrained model
};

struct Method {
  std::string name, base;
  Words stream;
};

struct Order {
  std::string name;
  Words domains;
  double overlap = 0;  // share of a stage's text that belongs to its neighbours in the order
};

struct Candidate {
  std::string name;
  Words options;
};

// Every method tries every candidate on one domain, and keeps the one with the lowest loss on `test` for all its runs.
struct Tuning {
  std::string domain;
  Words test;
  std::vector<Candidate> candidates;  // none: nothing is tuned
};

// The methods that the claims of "zero forgetting, full plasticity" speak of.
struct ClaimRoles {
  std::string method, naive, joint, replay;  // method empty: nothing is claimed
};

struct Figure {
  std::string name;
  Words methods, orders;
  std::vector<std::int64_t> seeds;
  std::string baseline;   // empty: the first method
  bool by_stage = false;  // also a line for each stage: does anything degrade with the number of generations?
  bool alone = false;     // each domain of the order on its own, right after the base
  std::string oracle;     // a method that is also scored with the view of each document's domain, as if that were known; empty: none
  ClaimRoles claims;
};

struct Suite {
  std::string path;
  Words init, stage;
  std::int64_t jobs = 1;
  std::string base_domain;
  std::vector<Domain> domains;
  std::vector<Base> bases;
  std::vector<Method> methods;
  std::vector<Order> orders;
  Tuning tuning;
  std::vector<Figure> figures;

  const Domain& domain(const std::string& name) const;
  const Base& base(const std::string& name) const;
  const Method& method(const std::string& name) const;
  const Order& order(const std::string& name) const;
};

// IoError when the file cannot be read; UsageError with file:line:column for bad YAML, an unknown key or name (with the nearest), or a
// value of the wrong shape.
Suite read_suite(const std::string& path);

// Words of a command line: --name value..., in which what comes later replaces the same option given before.
Words merged(const std::vector<Words>& options);

}  // namespace peer::continual
