#include "peer/layers/initialise.h"

#include <algorithm>

#include "peer/base/digest.h"
#include "peer/base/normal.h"

namespace peer::layers {

void initialise_normal(float* values, std::int64_t count, double deviation, std::uint64_t seed, std::string_view name,
                       std::int64_t first_index) {
  const Random random(seed ^ hash64_of(name.data(), name.size()), Purpose::kInitialise);
  constexpr std::int64_t kPiece = 1 << 14;
#pragma omp parallel for schedule(static) if (count > kPiece)
  for (std::int64_t i = 0; i < count; i += kPiece)
    fill_normal(random, static_cast<std::uint64_t>(first_index + i), std::min(kPiece, count - i), deviation, values + i);
}

void initialise_constant(Buffer<float>& values, float constant) { std::fill_n(values.data(), values.size(), constant); }

}  // namespace peer::layers
