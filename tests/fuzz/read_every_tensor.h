// One reading of arbitrary bytes as a file of tensors, shared by the fuzzer and by the test of a fixed set of mutations.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "peer/base/error.h"
#include "peer/base/require.h"
#include "trainer/import/safetensors.h"

namespace peer::trainer {

struct TensorOutcome {
  int tensors = 0, errors = 0;
};

// Passes on everything but CorruptError and UsageError; ContractError when a number is not finite.
inline TensorOutcome read_every_tensor(const std::string& bytes) {
  const int memory = memfd_create("tensors", MFD_CLOEXEC);
  require(memory >= 0 && write(memory, bytes.data(), bytes.size()) == std::ssize(bytes), "fuzz: a file in memory");
  TensorOutcome outcome;
  try {
    const SafetensorsFile file("/proc/self/fd/" + std::to_string(memory));
    for (const StoredTensor& tensor : file.tensors()) try {
        std::vector<float> values(static_cast<std::size_t>(tensor.count()));
        file.read(tensor, values.data());
        for (const float value : values) require(std::isfinite(value), "safetensors: every number is finite");
        ++outcome.tensors;
      } catch (const CorruptError&) {
        ++outcome.errors;
      } catch (const UsageError&) {
        ++outcome.errors;
      }
  } catch (const CorruptError&) {
    ++outcome.errors;
  }
  close(memory);
  return outcome;
}

}  // namespace peer::trainer
