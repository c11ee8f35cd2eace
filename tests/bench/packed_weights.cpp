#include "tests/bench/packed_weights.h"

#include <omp.h>

#include <algorithm>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "tests/bench/machine_limits.h"
#include "tests/bench/stopwatch.h"

namespace peer::bench {

void packed_weights(Report& report, std::int64_t tokens, std::int64_t inputs, std::int64_t outputs, bool bf16, int rounds) {
  using dnnl::matmul, dnnl::memory;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto type = bf16 ? memory::data_type::bf16 : memory::data_type::f32;
  const memory::desc x_shape({tokens, inputs}, type, memory::format_tag::ab), y_shape({tokens, outputs}, type, memory::format_tag::ab);
  const memory::desc stored_shape({inputs, outputs}, type, memory::format_tag::ba);
  const memory::desc any_shape({inputs, outputs}, type, memory::format_tag::any);
  const matmul::primitive_desc by_stored(matmul::desc(x_shape, stored_shape, y_shape), engine);
  const matmul::primitive_desc by_packed(matmul::desc(x_shape, any_shape, y_shape), engine);
  memory x(x_shape, engine), y(y_shape, engine), stored(stored_shape, engine), packed(by_packed.weights_desc(), engine);
  for (const memory& operand : {x, y, stored, packed})
    std::fill_n(static_cast<char*>(operand.get_data_handle()), operand.get_desc().get_size(), 0);

  const auto repeat = std::max<std::int64_t>(1, (std::int64_t{1} << 26) / (tokens * inputs * outputs));
  const auto product = [&](const matmul& primitive, const memory& weight) {
    for (std::int64_t i = 0; i < repeat; ++i) primitive.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weight}, {DNNL_ARG_DST, y}});
    stream.wait();
  };
  const matmul with_stored(by_stored), with_packed(by_packed);
  const auto seconds = take_turns(Clock::kThread, rounds, {[&] { product(with_packed, packed); }, [&] { product(with_stored, stored); }});
  std::vector<double> faster;
  for (std::size_t r = 0; r < seconds[0].size(); ++r) faster.push_back(seconds[1][r] / seconds[0][r]);
  const double gflops = 2e-9 * static_cast<double>(tokens * inputs * outputs * repeat);
  report.print({"gemm.packed",
                fmt::format("N={} {} to {} {}", tokens, inputs, outputs, bf16 ? "bf16" : "fp32"),
                "GFLOP/s",
                gflops / median(seconds[0]),
                gflops / median(seconds[1]),
                median(faster),
                {},
                "x"});
  omp_set_num_threads(threads);
}

}  // namespace peer::bench
