#include "peer/layers/initialise.h"

#include <algorithm>

#include "peer/base/digest.h"
#include "peer/base/philox.h"

namespace peer::layers {

void initialise_normal(float* values, std::int64_t count, double deviation, std::uint64_t seed, std::string_view name,
                       std::int64_t first_index) {
  const Random random(seed ^ hash64_of(name.data(), name.size()), Purpose::kInitialise);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(deviation * random.normal(static_cast<std::uint64_t>(first_index + i)));
}

void initialise_constant(Buffer<float>& values, float constant) { std::fill_n(values.data(), values.size(), constant); }

}  // namespace peer::layers
