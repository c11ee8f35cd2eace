// The products of rounded_gemm() as oneDNN runs them: one compiled primitive for each shape, kept in the Context that uses it.
#pragma once

#include <dnnl.hpp>

#include <cstdint>
#include <map>
#include <unordered_map>

#include "peer/base/element.h"

namespace peer {

class Bf16Products {
 public:
  struct Shape {
    std::int64_t m, n, k, c_stride;
    bool a_flipped, b_flipped;  // A is stored (K, M), B is stored (N, K); both dense
    float beta;
    auto operator<=>(const Shape&) const = default;
  };
  // C = op(A) op(B) + beta C. ContractError when oneDNN refuses.
  void run(const Shape& shape, const Bfloat16* a, const Bfloat16* b, float* c);

 private:
  struct Product {
    dnnl::matmul primitive;
    dnnl::memory a, b, c;  // without memory of their own: each call lends them its operands
    std::unordered_map<int, dnnl::memory> arguments;
  };
  Product make(const Shape& shape) const;

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<Shape, Product> products_;
};

}  // namespace peer
