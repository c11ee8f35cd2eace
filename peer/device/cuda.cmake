# PEER_CUDA=AUTO|ON|OFF|SIMULATED -> PEER_WITH_CUDA, the library peer_cuda, and add_cuda_sources(). OFF asks for nothing of CUDA; building
# needs nvcc and no GPU. SIMULATED compiles the same sources for a GPU that tests/simulated_gpu plays on the host, and needs no nvcc.
set(PEER_WITH_CUDA OFF)
if(PEER_CUDA STREQUAL SIMULATED)
  set(PEER_WITH_CUDA ON)
elseif(PEER_CUDA)   # AUTO is true as well
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

target_compile_definitions(peer_flags INTERFACE PEER_WITH_CUDA)   # read by peer/device/cuda_build.h alone
add_library(peer_cuda INTERFACE)

# add_cuda_sources(target a.cu...): kernel files, relative to the calling folder.
if(PEER_CUDA STREQUAL SIMULATED)
  add_subdirectory(tests/simulated_gpu)
  target_compile_definitions(peer_flags INTERFACE PEER_SIMULATED_GPU)   # likewise
  target_link_libraries(peer_cuda INTERFACE simulated_gpu)
  function(add_cuda_sources target)
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++;-include;cuda_runtime.h;-Wno-unknown-pragmas")
    target_sources(${target} PRIVATE ${ARGN})
  endfunction()
  return()
endif()

set(CMAKE_CUDA_COMPILER ${PEER_NVCC})
# Code for sm_80 and sm_90 and, where this nvcc knows them, for the first of each later family, which the others of it run too; PTX of the
# oldest that is likely to meet a card newer than this nvcc.
if(NOT CMAKE_CUDA_ARCHITECTURES)
  execute_process(COMMAND ${PEER_NVCC} --list-gpu-arch OUTPUT_VARIABLE known)
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90)
  foreach(family 100 120)
    if(known MATCHES "compute_${family}[^0-9]")
      list(APPEND CMAKE_CUDA_ARCHITECTURES ${family}-real)
    endif()
  endforeach()
endif()
message(STATUS "CUDA architectures: ${CMAKE_CUDA_ARCHITECTURES}")
enable_language(CUDA)
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)   # CMake 3.25 does not know nvcc's C++20; later ones say the same
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
find_package(CUDAToolkit REQUIRED)
target_link_libraries(peer_cuda INTERFACE CUDA::cudart_static CUDA::cublasLt)
function(add_cuda_sources target)
  target_sources(${target} PRIVATE ${ARGN})
endfunction()

# Kernels call constexpr functions and take lambdas. Warning 554 fires on View's conversion to a constant view, whose constraint nvcc
# does not see. -Wpedantic is left out because the host code that nvcc generates is full of gcc's extensions.
list(JOIN warnings "," host_warnings)
if(PEER_WERROR)
  set(cuda_werror "-Werror=all-warnings;")
endif()
target_compile_options(peer_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr;--extended-lambda;${cuda_werror}-diag-suppress=554;-Xcompiler=${host_warnings}>")
