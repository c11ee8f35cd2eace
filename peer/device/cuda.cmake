# PEER_CUDA=AUTO|ON|OFF -> PEER_WITH_CUDA, the CUDA language and its flags. OFF asks for nothing of CUDA; building needs nvcc and no GPU.
set(PEER_WITH_CUDA OFF)
if(PEER_CUDA)   # AUTO is true as well
  find_program(PEER_NVCC nvcc PATHS /usr/local/cuda/bin DOC "The CUDA compiler")
  if(PEER_NVCC)
    set(PEER_WITH_CUDA ON)
  elseif(NOT PEER_CUDA STREQUAL AUTO)
    message(FATAL_ERROR "PEER_CUDA=${PEER_CUDA}, but there is no nvcc in PATH or /usr/local/cuda/bin. "
                        "Install the CUDA toolkit, name it with -DPEER_NVCC=/path/to/nvcc, or build with -DPEER_CUDA=OFF.")
  endif()
endif()
message(STATUS "CUDA twins: ${PEER_WITH_CUDA} (PEER_CUDA=${PEER_CUDA})")
if(NOT PEER_WITH_CUDA)
  return()
endif()

set(CMAKE_CUDA_COMPILER ${PEER_NVCC})
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90)
endif()
enable_language(CUDA)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)   # CMake 3.25 does not know nvcc's C++20; later ones say the same
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
find_package(CUDAToolkit REQUIRED)

target_compile_definitions(peer_flags INTERFACE PEER_WITH_CUDA)   # read by peer/device/cuda_build.h alone
# Kernels call constexpr functions and take lambdas. Warning 554 fires on View's conversion to a constant view, whose constraint nvcc
# does not see. -Wpedantic is left out because the host code that nvcc generates is full of gcc's extensions.
list(JOIN warnings "," host_warnings)
target_compile_options(peer_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;--extended-lambda;-Werror=all-warnings;-diag-suppress=554;-Xcompiler=${host_warnings}>")
