#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "peer/base/progress.h"
#include "pool/pool.h"
#include "trainer/state/checkpoint.h"

namespace peer::trainer {

inline constexpr const char* kHead = "head";        // the newest complete generation
inline constexpr const char* kResume = "resume";    // an interrupted stage, if there is one
inline constexpr const char* kRefused = "refused";  // the last stage that forgot more than its limit
// Names that stages move, and that are therefore no tags.
inline bool is_stage_ref(std::string_view name) { return name == kHead || name == kResume || name == kRefused; }

// A pool, one generation of it loaded, and what runs it.
struct Session {
  pool::Pool pool;
  Context ctx;
  pool::Generation generation;
  LoadedModel loaded;
  model::DeltaOptions delta;             // what this session grows: the pool's own shape, but for what was given
  HostStaging staging;                   // through which commits read the model
  std::int64_t expert_memory_bytes = 0;  // of a GPU; pages of experts beyond it lie in the machine's memory
};

// expert_memory_bytes 0: four fifths of what the dense tensors leave of the device.
Session open_session(const std::string& path, const std::string& ref, pool::Access access, Device device, int threads,
                     std::int64_t expert_memory_bytes = 0);

// Makes a pool with an untrained model as its first generation. UsageError when the options do not fit together.
pool::CommitReport init_pool(const std::string& path, const model::ModelOptions& model, const model::DeltaOptions& delta,
                             std::uint64_t seed, Device device, int threads);

}  // namespace peer::trainer
