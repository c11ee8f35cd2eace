#pragma once

namespace peer {

// Whether this build has CUDA (CMake: PEER_CUDA). Only this header asks the preprocessor; code says `if constexpr (kWithCuda)`, and what it
// names there is neither compiled nor linked without CUDA.
#ifdef PEER_WITH_CUDA
inline constexpr bool kWithCuda = true;
#else
inline constexpr bool kWithCuda = false;
#endif

// Whether its GPU is simulated on the host, which knows no PTX.
#ifdef PEER_SIMULATED_GPU
inline constexpr bool kSimulatedGpu = true;
#else
inline constexpr bool kSimulatedGpu = false;
#endif

}  // namespace peer
