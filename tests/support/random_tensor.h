// Tensors of repeatable random numbers. `subject` tells the tensors of one test apart.
#pragma once

#include <cstdint>
#include <vector>

#include "peer/base/philox.h"
#include "peer/device/buffer.h"

namespace peer::test {

inline constexpr std::uint64_t kSeed = 20240704;

// Normal numbers of the given mean and standard deviation.
inline Buffer<float> random_normal(std::int64_t size, std::uint32_t subject, double deviation = 1, double mean = 0) {
  const Random random(kSeed, Purpose::kTest, subject);
  Buffer<float> out(size);
  for (std::int64_t i = 0; i < size; ++i) out[i] = static_cast<float>(mean + deviation * random.normal(static_cast<std::uint64_t>(i)));
  return out;
}

// Uniform integers in {0, ..., bound-1}.
template <class Integer>
Buffer<Integer> random_below(std::int64_t size, std::uint32_t subject, std::int64_t bound) {
  const Random random(kSeed, Purpose::kTest, subject);
  Buffer<Integer> out(size);
  for (std::int64_t i = 0; i < size; ++i)
    out[i] = static_cast<Integer>(random.below(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(bound)));
  return out;
}

template <class T>
Buffer<T> filled(std::int64_t size, T value) {
  Buffer<T> out(size);
  for (std::int64_t i = 0; i < size; ++i) out[i] = value;
  return out;
}

template <class T>
Buffer<T> copy_of(const Buffer<T>& buffer) {
  Buffer<T> out(buffer.size());
  for (std::int64_t i = 0; i < buffer.size(); ++i) out[i] = buffer[i];
  return out;
}

// The same numbers in double precision, for the oracle.
template <class T>
std::vector<double> to_doubles(const Buffer<T>& buffer) {
  return {buffer.data(), buffer.data() + buffer.size()};
}

}  // namespace peer::test
