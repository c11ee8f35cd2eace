// What happened to a model, carried in every generation's state: the domains, the stages, and the matrix L.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "peer/base/digest.h"
#include "trainer/state/bits_per_byte.h"

namespace peer::trainer {

struct DomainRecord {
  std::string name = {};
  Digest held_out = {};  // of the held-out documents: their record in the pool is named by it
  std::int64_t documents = 0, bytes = 0;
  double naive = kMissing;          // bits per byte of a throw-away naive copy after the domain's own stage
  Digest reservoir = {};            // of the training text that is kept to be replayed: its record in the pool is named by it; empty: none
  std::int64_t reservoir_seen = 0;  // excerpts that were offered to it so far
};

// An older domain inside a stage, scored on a sample of its held-out documents.
struct InsideScore {
  double worst = kMissing;   // bits per byte where it was worst
  double learnt = kMissing;  // of the same documents right after the domain's own stage
  std::int64_t step = 0;     // where it was worst
};

// StageRecord::strategy of what is no strategy.
inline constexpr const char* kConsolidate = "consolidate";  // a folding
inline constexpr const char* kImport = "import";            // of stages[0]: the base was trained elsewhere; of a later one: what it knew

struct StageRecord {
  std::string domain = {}, strategy = {};  // a folding has no domain
  std::int64_t steps = 0;
  int view = 0;                             // the view that it trained
  std::map<std::string, double> loss = {};  // row of L: domain -> bits per byte
  std::map<std::string, Digest> bits = {};  // domain -> record of the documents' bits behind that cell
  double seconds = 0;
  std::int64_t parameters_added = 0;
  bool mixture = true;                             // all views answer from here on; false: the head view alone
  std::map<std::string, InsideScore> inside = {};  // by older domain; empty without --eval-every
  std::vector<int> folded = {};                    // the views that a folding replaced by its own
};

struct History {
  std::vector<DomainRecord> domains;               // in the order of arrival
  std::vector<StageRecord> stages;                 // [0] is the state before any training here
  int open_view = -1;                              // grown by hand and not trained yet; -1: none
  std::map<std::string, InsideScore> inside = {};  // of the stage under way, so that an interrupted one forgets nothing of it

  DomainRecord* domain(const std::string& name);
  const DomainRecord* domain(const std::string& name) const;
  // The stage that taught a domain: the first on it; stages.size() when there was none yet.
  std::size_t learnt(const std::string& domain) const;
  // The domains whose text a view has learnt, itself or by the views that were folded into it, or knew when it was imported; in order of
  // arrival.
  std::vector<const DomainRecord*> taught(int view) const;
  // "before" or "imported", then the stage's domain, "again" where it came back, "measured" where nothing was trained on it, or "folding".
  std::string stage_name(std::size_t stage) const;
  // Whether the base was trained elsewhere.
  bool imported() const { return !stages.empty() && stages.front().strategy == kImport; }
  // Whether anything was learnt yet, here or elsewhere, or only the untrained base measured.
  bool any_stage() const { return stages.size() > 1 || imported(); }
  // After a stage, bits a byte; kMissing where it was not measured.
  double loss(std::size_t stage, const std::string& domain) const;
  // The stage in [1, end) after which the domain's loss was lowest; 0: none was measured.
  std::size_t best_stage(const std::string& domain, std::size_t end) const;
  // Its loss after a stage less that after the best one before (f_j of evaluation/retention.h); kMissing where either was not measured.
  double forgotten(std::size_t stage, const std::string& domain) const;
};

// Seconds are not stored in it: the same work must give the same text.
std::string to_json(const History& history);
// CorruptError when the text is not a history.
History parse_history(const std::string& json);

}  // namespace peer::trainer
