#pragma once

#include <cstdint>

#include "peer/model/model.h"

namespace peer::model {

// Of all that the ops of a step over this model are given beside the contents of memory: where its tensors and page tables lie, how many
// experts there are, what is open, trained or frozen. While it stays the same a recorded step stays true (RepeatedWork).
std::uint64_t launch_digest(Model& model);

}  // namespace peer::model
