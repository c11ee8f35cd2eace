// What peer/device asks of CUDA, without a header of CUDA: declared everywhere, defined in the *_cuda.cpp files of builds with CUDA, and
// called only under `if constexpr (kWithCuda)`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "peer/base/element.h"
#include "peer/device/buffer.h"
#include "peer/device/device.h"
#include "peer/device/gemm.h"
#include "peer/device/residence.h"

namespace peer {

struct CudaQueue;     // stream and cuBLASLt plans of a Context: peer/device/cuda_queue.cuh
struct CudaGraph;     // work of a stream, recorded: peer/device/graph_cuda.cpp
struct CudaReadSlot;  // peer/device/host_staging_cuda.cpp

// Throws DeviceError when there is no such device, or none that the kernels run on.
std::shared_ptr<CudaQueue> open_cuda_queue(Device device);
std::string cuda_card_name(Device device);

void* cuda_allocate(Device device, std::int64_t bytes);
void* cuda_allocate_page(Device device, std::int64_t bytes);
// What the device itself has.
std::int64_t cuda_memory_bytes(Device device);
std::int64_t cuda_bytes_in_use(Device device);
// Between memory of the host and of the device, which stays on the device; returns when it is done.
void cuda_upload(Device device, const void* from, void* to, std::int64_t bytes);
void cuda_copy_rows(Device device, const void* from, std::int64_t from_stride, void* to, std::int64_t to_stride, std::int64_t bytes,
                    std::int64_t rows);
void cuda_free(Device device, void* data) noexcept;
// Says where memory is to lie and that the device maps it; moves nothing.
void cuda_advise(Device device, void* data, std::int64_t bytes, Residence residence);
// Asks for memory of the device behind an address that nothing has touched, so that it comes in large pages and not by faults. What fails
// here fails again, and is told of, when the memory is written.
void cuda_populate(Device device, void* data, std::int64_t bytes);
void cuda_set_residence(Context& ctx, void* data, std::int64_t bytes, Residence residence);
// Page-locked memory of the host with a stream of its own that fills it from the device: queued by cuda_read, there after cuda_wait, which
// returns the memory. Destroying it waits.
std::shared_ptr<CudaReadSlot> open_cuda_read_slot(Device device, std::int64_t bytes);
void cuda_read(CudaReadSlot& slot, std::int64_t at, const void* from, std::int64_t bytes);
const std::byte* cuda_wait(CudaReadSlot& slot);
// In order with the ops, and does not wait. Either side may be of the host or of a CUDA device.
void cuda_copy(Context& ctx, const void* from, void* to, std::int64_t bytes);
void cuda_set_zero(Context& ctx, void* to, std::int64_t bytes);
void cuda_wait(Context& ctx);
// What `work` would give to ctx's stream, recorded instead of done; and done, in order with the ops.
std::shared_ptr<CudaGraph> cuda_record(Context& ctx, const std::function<void()>& work);
void cuda_replay(Context& ctx, CudaGraph& graph);
void cuda_gemm(Context& ctx, Matrix<const float> a, Transpose ta, Matrix<const float> b, Transpose tb, float beta, Matrix<float> c);
void cuda_gemm(Context& ctx, Matrix<const Bfloat16> a, Transpose ta, Matrix<const Bfloat16> b, Transpose tb, float beta, Matrix<float> c);
// `x` rounded to bf16 in one of ctx's slots of scratch memory, its rows at multiples of 16 bytes.
Matrix<const Bfloat16> cuda_rounded(Context& ctx, int slot, Matrix<const float> x);
// The same in memory of its own.
Buffer<Bfloat16> cuda_rounded_copy(Context& ctx, Matrix<const float> x);

}  // namespace peer
