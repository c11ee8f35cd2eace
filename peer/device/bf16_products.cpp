#include "peer/device/bf16_products.h"

#include <fmt/format.h>

#include "peer/base/error.h"

namespace peer {
namespace {

dnnl::memory::desc dense(std::int64_t rows, std::int64_t columns, bool flipped) {
  using Tag = dnnl::memory::format_tag;
  return {{rows, columns}, dnnl::memory::data_type::bf16, flipped ? Tag::ba : Tag::ab};
}

// oneDNN's handles are not const, its operands are.
template <class T>
void* handle(const T* data) {
  return const_cast<T*>(data);
}

}  // namespace

Bf16Products::Product Bf16Products::make(const Shape& s) const {
  const dnnl::memory::desc a = dense(s.m, s.k, s.a_flipped), b = dense(s.k, s.n, s.b_flipped);
  const dnnl::memory::desc c({s.m, s.n}, dnnl::memory::data_type::f32, dnnl::memory::dims{s.c_stride, 1});
  dnnl::primitive_attr attributes;
  if (s.beta != 0) {
    dnnl::post_ops add;
    add.append_sum(s.beta);
    attributes.set_post_ops(add);
  }
  Product product{dnnl::matmul(dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), attributes, engine_)),
                  dnnl::memory(a, engine_, DNNL_MEMORY_NONE),
                  dnnl::memory(b, engine_, DNNL_MEMORY_NONE),
                  dnnl::memory(c, engine_, DNNL_MEMORY_NONE),
                  {}};
  product.arguments = {{DNNL_ARG_SRC, product.a}, {DNNL_ARG_WEIGHTS, product.b}, {DNNL_ARG_DST, product.c}};
  return product;
}

void Bf16Products::run(const Shape& shape, const Bfloat16* a, const Bfloat16* b, float* c) {
  try {
    auto found = products_.find(shape);
    if (found == products_.end()) found = products_.emplace(shape, make(shape)).first;
    Product& product = found->second;
    product.a.set_data_handle(handle(a));
    product.b.set_data_handle(handle(b));
    product.c.set_data_handle(c);
    product.primitive.execute(stream_, product.arguments);
    stream_.wait();
  } catch (const dnnl::error& error) {
    throw ContractError(fmt::format("rounded_gemm: oneDNN refused {}x{}x{} with status {}: {}", shape.m, shape.n, shape.k,
                                    static_cast<int>(error.status), error.what()));
  }
}

}  // namespace peer
