// What the simulated GPU is strict about, since what passes on it should pass on a real one.
#include <cublasLt.h>
#include <cuda_runtime.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "tests/support/catch.h"

namespace {

void write_number(int* to) { *to = static_cast<int>(threadIdx.x); }
void write_thread(int* to) { to[blockIdx.x * blockDim.x + threadIdx.x] = static_cast<int>(threadIdx.x); }
void rotate_lanes(int* to) { to[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<int>(threadIdx.x), 5); }
void lanes_below(int* to) { to[threadIdx.x] = __shfl_up_sync(0xffffffffu, static_cast<int>(threadIdx.x), 3); }
void match_lanes(int* to) {
  const int value = static_cast<int>(threadIdx.x) == 9 ? 0 : static_cast<int>(threadIdx.x) % 4 - 1;
  to[threadIdx.x] = static_cast<int>(__match_any_sync(0xffffffffu, value));
}
void some_leave_before_the_barrier(int*) {
  if (threadIdx.x > 3) __syncthreads();
}
void some_leave_before_the_shuffle(int* to) {
  if (threadIdx.x > 3) to[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
}
void trap(int*) { __trap(); }
void exchange(int* to) {
  __shared__ int shared[64];
  shared[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  to[threadIdx.x] = shared[63 - threadIdx.x];
}

struct Stream {
  Stream() { cudaStreamCreate(&stream); }
  ~Stream() { cudaStreamDestroy(stream); }
  cudaError_t launch(void (*kernel)(int*), unsigned blocks, unsigned threads, int* to) {
    cudaLaunchConfig_t config;
    config.gridDim = dim3(blocks), config.blockDim = dim3(threads), config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, to);
  }
  cudaStream_t stream = nullptr;
};

int* numbers(std::size_t count) {
  void* data = nullptr;
  cudaMallocManaged(&data, count * sizeof(int));
  cudaMemset(data, 0, count * sizeof(int));
  return static_cast<int*>(data);
}

// How a child process ends that does this.
template <class Body>
int ending_of(Body&& body) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a kernel runs once for each thread of each block, when somebody waits and not before") {
  Stream stream;
  int* to = numbers(3 * 64);
  REQUIRE(stream.launch(write_thread, 3, 64, to) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  for (int i = 0; i < 3 * 64; ++i) CHECK(to[i] == i % 64);
  cudaFree(to);
}

TEST_CASE("threads of a block exchange numbers through shared memory, lanes of a warp through shuffles") {
  Stream stream;
  int* to = numbers(64);
  stream.launch(exchange, 1, 64, to);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  for (int i = 0; i < 64; ++i) CHECK(to[i] == 63 - i);
  stream.launch(rotate_lanes, 1, 64, to);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  for (int i = 0; i < 64; ++i) CHECK(to[i] == (i ^ 5));
  stream.launch(lanes_below, 1, 64, to);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  for (int i = 0; i < 64; ++i) CHECK(to[i] == (i % 32 < 3 ? i : i - 3));  // the lowest lanes keep their own
  cudaFree(to);
}

TEST_CASE("a lane hears which lanes of its warp have its value, itself among them") {
  Stream stream;
  int* to = numbers(64);
  stream.launch(match_lanes, 1, 64, to);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  for (int i = 0; i < 64; ++i) {
    const auto value_of = [](int thread) { return thread == 9 ? 0 : thread % 4 - 1; };
    for (int lane = 0; lane < 32; ++lane)
      CHECK((static_cast<unsigned>(to[i]) >> lane & 1) == (value_of(i / 32 * 32 + lane) == value_of(i) ? 1u : 0u));
  }
  cudaFree(to);
}

TEST_CASE("a host that touches memory of the device without waiting ends with a fault, and one that waits does not") {
  Stream stream;
  int* to = numbers(4);
  const auto touch = [&](bool waits) {
    stream.launch(write_number, 1, 1, to);
    if (waits) cudaStreamSynchronize(stream.stream);
    to[0] = 1;
  };
  CHECK(ending_of([&] { touch(false); }) == 128 + SIGSEGV);
  CHECK(ending_of([&] { touch(true); }) == 0);
  cudaFree(to);
}

TEST_CASE("a kernel that is given memory of the host is refused") {
  Stream stream;
  int on_stack = 0;
  auto on_heap = std::make_unique<int>(0);
  CHECK(stream.launch(write_number, 1, 1, &on_stack) == cudaErrorInvalidDevicePointer);
  CHECK(stream.launch(write_number, 1, 1, on_heap.get()) == cudaErrorInvalidDevicePointer);
}

TEST_CASE("page-locked memory of the host is the device's too, and open to the host while work is queued") {
  Stream stream;
  void* data = nullptr;
  REQUIRE(cudaMallocHost(&data, 4 * sizeof(int)) == cudaSuccess);
  auto* pinned = static_cast<int*>(data);
  int* to = numbers(4);
  std::fill_n(pinned, 4, 7);
  REQUIRE(cudaMemcpyAsync(to, pinned, 4 * sizeof(int), cudaMemcpyDefault, stream.stream) == cudaSuccess);
  CHECK(pinned[3] == 7);
  REQUIRE(stream.launch(write_thread, 1, 3, pinned) == cudaSuccess);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  for (int i = 0; i < 4; ++i) {
    CHECK(to[i] == 7);
    CHECK(pinned[i] == (i < 3 ? i : 7));
  }
  CHECK(cudaFreeHost(data) == cudaSuccess);
  CHECK(stream.launch(write_number, 1, 1, std::make_unique<int>(0).get()) == cudaErrorInvalidDevicePointer);
  cudaFree(to);
}

TEST_CASE("a trap, and a barrier or shuffle that some threads never reach, fail and stay failed") {
  for (auto* kernel : {trap, some_leave_before_the_barrier, some_leave_before_the_shuffle})
    CHECK(ending_of([&] {
            Stream stream;
            int* to = numbers(32);
            stream.launch(kernel, 1, 32, to);
            const bool failed = cudaStreamSynchronize(stream.stream) == cudaErrorLaunchFailure;
            stream.launch(write_number, 1, 1, to);
            _exit(failed && cudaStreamSynchronize(stream.stream) == cudaErrorLaunchFailure ? 7 : 8);
          }) == 7);
}

TEST_CASE("what a stream is given while it is recorded happens when the graph is started, each time") {
  Stream stream;
  int* to = numbers(64);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  REQUIRE(cudaStreamBeginCapture(stream.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  stream.launch(write_thread, 1, 64, to);
  CHECK(cudaStreamSynchronize(stream.stream) == cudaErrorStreamCaptureUnsupported);
  REQUIRE(cudaStreamEndCapture(stream.stream, &graph) == cudaSuccess);
  REQUIRE(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
  cudaGraphDestroy(graph);
  CHECK(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  CHECK(to[5] == 0);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(cudaGraphLaunch(exec, stream.stream) == cudaSuccess);
    REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
    CHECK(to[5] == 5);
    to[5] = 0;
  }
  cudaGraphExecDestroy(exec);
  cudaFree(to);
}

TEST_CASE("a host that touches memory of the device while a stream is recorded ends with a fault") {
  Stream stream;
  int* to = numbers(4);
  CHECK(ending_of([&] {
          cudaStreamBeginCapture(stream.stream, cudaStreamCaptureModeThreadLocal);
          to[0] = 1;
        }) == 128 + SIGSEGV);
  cudaFree(to);
}

TEST_CASE("more memory than there is is refused, and what was freed can be had again") {
  std::size_t free = 0, total = 0;
  cudaMemGetInfo(&free, &total);
  void* data = nullptr;
  CHECK(cudaMallocManaged(&data, total + 1) == cudaErrorMemoryAllocation);
  REQUIRE(cudaMallocManaged(&data, free / 2) == cudaSuccess);
  CHECK(cudaMallocManaged(&data, free / 2 + (1 << 20)) == cudaErrorMemoryAllocation);
}

TEST_CASE("the simulated cuBLASLt multiplies column by column and refuses operands that begin where its algorithm does not expect them") {
  Stream stream;
  cublasLtHandle_t cublas = nullptr;
  cublasLtMatmulDesc_t matmul = nullptr;
  cublasLtMatrixLayout_t layout = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtCreate(&cublas);
  cublasLtMatmulDescCreate(&matmul, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  cublasLtMatrixLayoutCreate(&layout, CUDA_R_32F, 2, 2, 2);
  cublasLtMatmulPreferenceCreate(&preference);
  const std::uint32_t alignment = 16;
  for (const auto operand :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    cublasLtMatmulPreferenceSetAttribute(preference, operand, &alignment, sizeof(alignment));
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  REQUIRE(cublasLtMatmulAlgoGetHeuristic(cublas, matmul, layout, layout, layout, layout, preference, 1, &found, &count) ==
          CUBLAS_STATUS_SUCCESS);
  REQUIRE(count == 1);

  auto* m = reinterpret_cast<float*>(numbers(14));
  const float a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8};  // ((1 3) (2 4)), ((5 7) (6 8))
  std::copy_n(a, 4, m), std::copy_n(b, 4, m + 4);
  const float one = 1, zero = 0;
  const auto multiply = [&](float* to) {
    return cublasLtMatmul(cublas, matmul, &one, m, layout, m + 4, layout, &zero, to, layout, to, layout, &found.algo, m, 1, stream.stream);
  };
  REQUIRE(multiply(m + 8) == CUBLAS_STATUS_SUCCESS);
  REQUIRE(cudaStreamSynchronize(stream.stream) == cudaSuccess);
  const float product[] = {23, 34, 31, 46};
  for (int i = 0; i < 4; ++i) CHECK(m[8 + i] == product[i]);
  CHECK(multiply(m + 9) == CUBLAS_STATUS_INVALID_VALUE);

  cublasLtMatmulPreferenceDestroy(preference);
  cublasLtMatrixLayoutDestroy(layout);
  cublasLtMatmulDescDestroy(matmul);
  cublasLtDestroy(cublas);
  cudaFree(m);
}
